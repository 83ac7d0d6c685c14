/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * page.h - the files of collector/page/, as the build put them into the program.
 *
 * Owns:     nothing: page.c.in and page.cmake in collector/page/ make the symbols and CPT_PAGE_*_SHA256 of config.h.
 */
#ifndef CPT_PAGE_H
#define CPT_PAGE_H

/* Not terminated: up to the _end. */
extern const char cpt_page_html[], cpt_page_html_end[];
extern const char cpt_page_css[], cpt_page_css_end[];
extern const char cpt_page_js[], cpt_page_js_end[];

#endif /* CPT_PAGE_H */
