#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check_manual.py - manual, completion and examples tell of the program as it is.

    check_manual.py --cpartrace PROGRAM --pages DIR --trace TRACE --stacks TRACE --source DIR

A page for every command, sound for man and mandoc. The options it documents are those that the parser takes
and the sources define, no more and no fewer; what bash and zsh complete is what the help lists; every example
of help, manual and README that needs no recording runs and succeeds.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

ENV = {"LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MANWIDTH": "100", "TERM": "dumb"}

# What a line for zsh's completer is given: everything that would be offered, one a line.
ZSH = r"""
autoload -Uz compinit && compinit -D -u
fpath=(%(pages)s $fpath)
autoload -Uz _cpartrace
compdef _cpartrace cpartrace
compadd () {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
  local -a found
  builtin compadd -A found "$@"
  local one
  for one in $found; do print -r -- "=$one"; done >> %(out)s
  builtin compadd "$@"
}
bindkey '^I' complete-word
"""


class Checker:
    def __init__(self, options):
        self.program, self.pages, self.trace = options.cpartrace, options.pages, options.trace
        self.source, self.stacks = options.source, options.stacks
        self.findings = []

    def check(self, what, true, detail=""):
        if not true:
            self.findings.append(f"{what}: {detail}" if detail else what)

    def equal(self, what, found, expected):
        self.check(what, found == expected, f"found {found!r}, expected {expected!r}")

    def run(self, *argv, **kwargs):
        kwargs.setdefault("env", ENV)
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False,
                              **kwargs)

    def help(self, *argv):
        return self.run(self.program, "help", *argv).stdout

    def commands(self):
        return re.findall(r"^  ([a-z]+) ", self.help().partition("\nCommands:\n")[2], re.M)

    def options(self, command):
        """(long, letter or "") of each option in the help."""
        return [(long, letter) for letter, long in
                re.findall(r"^  (?:-(\w), |    )--([\w-]+)", self.help(command), re.M)]


def check_pages(checker):
    names = [f"cpartrace-{command}.1" for command in checker.commands()]
    for name in ["cpartrace.1", "cpartrace.data.5", *names]:
        path = os.path.join(checker.pages, name)
        if not os.path.exists(path):
            checker.check(f"{name} is there", False)
            continue
        result = checker.run("man", "--warnings", "-l", "-Tutf8", "-Z", path)
        checker.check(f"man --warnings {name}", not result.returncode and not result.stderr.strip(),
                      result.stderr[:300])
        result = checker.run("mandoc", "-T", "lint", path)
        checker.check(f"mandoc -T lint {name}", not result.stdout.strip(), result.stdout[:300])
    for command in checker.commands():
        page = checker.run("mandoc", "-T", "ascii", os.path.join(
            checker.pages, f"cpartrace-{command}.1")).stdout
        page = re.sub(r".\x08", "", page)
        for long, letter in checker.options(command):
            checker.check(f"--{long} in cpartrace-{command}(1)",
                          re.search(rf"^ +{'-' + letter + ', ' if letter else ''}--{long}\b", page,
                                    re.M))
        checker.check(f"help --man {command}", checker.help("--man", command) ==
                      open(os.path.join(checker.pages, f"cpartrace-{command}.1"),
                           encoding="utf-8").read())


def check_paragraphs(checker):
    """What a command's help says before its options are whole sentences, and no line ends in a blank."""
    for command in checker.commands():
        text = checker.help(command)
        prose = text.partition("\nOptions:\n")[0].split("\n\n")[1:]
        checker.check(f"help {command} has text", prose)
        checker.equal(f"paragraphs of help {command} that end within a sentence",
                      [one for one in prose if not one.strip().endswith((".", ":"))], [])
        checker.equal(f"lines of help {command} with a blank at the end", re.findall(r"^.* $", text, re.M), [])


# ---- options, in both directions


def documented(checker, command):
    """Long options with a paragraph of their own in the manual's page."""
    page = checker.run("mandoc", "-T", "ascii",
                       os.path.join(checker.pages, f"cpartrace-{command}.1")).stdout
    return set(re.findall(r"^ +(?:-\w, )?--([a-z][\w-]*)", re.sub(r".\x08", "", page), re.M))


def defined(checker):
    """Names in the tables of options, by the sources' text."""
    found = {"help"}
    folder = os.path.join(checker.source, "collector")
    for name in os.listdir(folder):
        if name.endswith((".c", ".h")):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                found |= set(re.findall(r"\{[\s\\]*\"([a-z][a-z-]*)\",[\s\\]*(?:'.'|0),", file.read()))
    return found


def is_known(checker, command, option):
    """Does the command's parser take it? Another one that nobody has stops it before anything is done,
    once as the value that it may want, once for itself."""
    nobody = "--nobody-has-this"
    said = checker.run(checker.program, command, f"--{option}", nobody, nobody).stderr
    unknown = re.search(r"unknown option (--[\w-]+)", said)
    return not unknown or unknown[1] != f"--{option}"


def check_options(checker):
    pages = {command: documented(checker, command) for command in checker.commands()}
    every = set().union(*pages.values())
    checker.equal("options of the manual are those of the sources", every, defined(checker))
    asked = 0
    for command, own in pages.items():
        for option in every - {"help"}:
            # Shorter forms are taken, too.
            if option not in own and any(longer.startswith(option) for longer in own):
                continue
            asked += 1
            checker.equal(f"{command} takes --{option}", is_known(checker, command, option),
                          option in own)
    checker.check("options were asked for", asked > 200, str(asked))


# ---- completion


def bash_completes(checker, words):
    script = (f"source {checker.pages}/cpartrace.bash; COMP_WORDS=({' '.join(words)} ''); "
              f"COMP_WORDS=({' '.join(repr(word) for word in words)}); "
              f"COMP_CWORD={len(words) - 1}; _cpartrace; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    result = checker.run("bash", "--norc", "-c", script)
    checker.check(f"bash completes {words}", not result.stderr, result.stderr[:300])
    return set(result.stdout.split())


def check_bash(checker):
    commands = checker.commands()
    checker.check("bash: commands", bash_completes(checker, ["cpartrace", ""]) == set(commands))
    checker.check("bash: re", bash_completes(checker, ["cpartrace", "re"]) ==
                  {name for name in commands if name.startswith("re")})
    for command in commands:
        found = bash_completes(checker, ["cpartrace", command, "--"])
        expected = {f"--{long}" for long, _ in checker.options(command)}
        checker.check(f"bash: options of {command}", found == expected, f"{found ^ expected}")
    for words in (["export", "-f", ""], ["export", "--format", ""], ["export", "--format", "=", ""]):
        found = bash_completes(checker, ["cpartrace", *words])
        checker.check(f"bash: {words}", {"csv", "jsonl", "sqlite"} <= found, found)
    checker.check("bash: help", bash_completes(checker, ["cpartrace", "help", ""]) == set(commands))
    checker.check("bash: files", os.path.basename(checker.trace) in {
        os.path.basename(name) for name in bash_completes(
            checker, ["cpartrace", "report", "-i", checker.trace[:-2]])})


def zsh_completes(checker, directory, line):
    """What an interactive zsh offers at the end of a line."""
    out = os.path.join(directory, "offered")
    setup = os.path.join(directory, "setup")
    with open(setup, "w", encoding="utf-8") as file:
        file.write(ZSH % {"pages": checker.pages, "out": out})
    open(out, "w", encoding="utf-8").close()
    # compadd must be shadowed inside of the completer; a pseudo terminal makes it run.
    script = (f"zmodload zsh/zpty; zpty z zsh -f -i; zpty -w z 'source {setup}; PS1=READY'; "
              f"zpty -r z text '*READY'; zpty -w -n z $'{line}\\t'; "
              "repeat 100; do sleep 0.05; [[ -s %s ]] && break; done; sleep 0.3; "
              "zpty -w -n z $'\\x03'; zpty -d z" % out)
    checker.run("zsh", "-f", "-c", script, cwd=directory, env={**ENV, "HOME": directory})
    with open(out, encoding="utf-8") as file:
        return {offered[1:].split(":")[0].rstrip("=") for offered in file.read().split("\n")
                if offered.startswith("=")}


def check_zsh(checker):
    result = checker.run("zsh", "-n", os.path.join(checker.pages, "_cpartrace"))
    checker.check("zsh reads its completion", not result.returncode, result.stderr)
    with tempfile.TemporaryDirectory() as directory:
        found = zsh_completes(checker, directory, "cpartrace ")
        checker.check("zsh: commands", set(checker.commands()) <= found, found)
        for command in checker.commands():
            found = zsh_completes(checker, directory, f"cpartrace {command} --")
            expected = {f"--{long}" for long, _ in checker.options(command)}
            checker.check(f"zsh: options of {command}", expected <= found, f"{expected - found}")
        found = zsh_completes(checker, directory, "cpartrace export -f ")
        checker.check("zsh: formats", {"csv", "jsonl", "sqlite"} <= found, found)


# ---- examples


def examples(checker, command):
    """The lines below "Examples:" in the help."""
    text = checker.help(command).partition("\nExamples:\n")[2]
    return re.findall(r"^  (\S[^\n]*)$", text, re.M)


def readme_examples(checker):
    """Lines of code blocks that begin with cpartrace or sqlite3."""
    with open(os.path.join(checker.source, "README.md"), encoding="utf-8") as file:
        blocks = re.findall(r"^```\n(.*?)^```", file.read(), re.M | re.S)
    return re.findall(r"^(?:cpartrace|sqlite3) [^\n]*", "\n".join(blocks), re.M)


def run_example(checker, line, directory, env):
    """Of the trace with locks; what needs stacks, of one that has some."""
    for trace in (checker.trace, checker.stacks):
        shutil.copy(trace, os.path.join(directory, "cpartrace.data"))
        result = checker.run("bash", "-o", "pipefail", "-c", line, cwd=directory, env=env)
        if "record with --stacks" not in result.stderr:
            break
    # head closes the pipe early: 141. What a build leaves out it says, with status 3.
    left_out = result.returncode == 3 and "built without" in result.stderr
    checker.check(f"{line}", result.returncode in (0, 141) or left_out,
                  f"status {result.returncode}: {result.stderr[:300]}")


def check_examples(checker):
    """Those that need no root; live.py runs the others. Without BPF there are fewer formats."""
    ran = 0
    with tempfile.TemporaryDirectory() as directory:
        for name in ("before.1", "before.2", "after.1", "after.2"):
            shutil.copy(checker.trace, os.path.join(directory, name))
        os.symlink(os.path.abspath(checker.program), os.path.join(directory, "cpartrace"))
        env = {**ENV, "PATH": f"{directory}:{ENV['PATH']}"}
        for command in checker.commands():
            lines = examples(checker, command)
            checker.check(f"{command} has an example", lines)
            page = open(os.path.join(checker.pages, f"cpartrace-{command}.1"),
                        encoding="utf-8").read().replace("\\-", "-").replace("\\(aq", "'")
            for line in lines:
                checker.check(f"the manual has: {line}", line in page)
                if line.startswith("sudo "):
                    continue
                run_example(checker, line, directory, env)
                ran += 1
        for line in readme_examples(checker):
            run_example(checker, line, directory, env)
            ran += 1
    checker.check("examples were run", ran >= 40, str(ran))


def check_suggestions(checker):
    for argv, said in ((("reprot",), "cpartrace report"), (("help", "reprot"), "cpartrace report"),
                       (("report", "--jsno"), "did you mean --json?"),
                       (("report", "-explain"), "did you mean --explain?"),
                       (("report", "--timelin"), None), (("report", "--tmieline"), "--timeline?"),
                       (("run", "--lops", "on"), "did you mean --loops?"),
                       (("diff", "--jsn", "a", "b"), "did you mean --json?"),
                       (("export", "-f", "sqlit"), "did you mean sqlite?"),
                       (("export", "-f", "hmtl"), "did you mean html?"),
                       (("export", "-f", "openmetric"), "did you mean openmetrics?"),
                       (("export", "--tabel", "locks"), "did you mean --table?"),
                       (("report", "--wrong-altogether"), "see --help")):
        result = checker.run(checker.program, *argv)
        if said is None:  # a shortened option is none that is wrong
            checker.check(f"cpartrace {' '.join(argv)}", result.returncode != 2, result.stderr)
            continue
        checker.check(f"cpartrace {' '.join(argv)} is refused",
                      result.returncode == (125 if argv[0] == "run" else 2), result.returncode)
        checker.check(f"cpartrace {' '.join(argv)} says: {said}", said in result.stderr,
                      result.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    for name in ("--cpartrace", "--pages", "--trace", "--stacks", "--source"):
        parser.add_argument(name, required=True)
    options = parser.parse_args()
    missing = [tool for tool in ("man", "mandoc", "bash", "zsh", "sqlite3", "jq") if not shutil.which(tool)]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}; bootstrap.sh installs them")
    checker = Checker(options)
    check_pages(checker)
    check_paragraphs(checker)
    check_options(checker)
    check_bash(checker)
    check_zsh(checker)
    check_examples(checker)
    check_suggestions(checker)
    for finding in checker.findings:
        print(finding)
    return 1 if checker.findings else 0


if __name__ == "__main__":
    sys.exit(main())
