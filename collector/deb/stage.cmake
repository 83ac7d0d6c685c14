# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Run by cpack when all is where `cmake --install` puts it, before the package is made of that: what
# Debian's policy wants otherwise below /usr/share.
set(_share ${CPACK_TEMPORARY_DIRECTORY}/usr/share)
set(_doc ${_share}/doc/${CPACK_PACKAGE_NAME})

# zsh looks here for what the administrator put, and into vendor-completions for packages.
file(REMOVE_RECURSE ${_share}/zsh/site-functions)

# Licences are said in the copyright file, and the GPL is on every Debian machine.
file(READ ${CMAKE_CURRENT_LIST_DIR}/copyright _copyright)
file(READ ${_doc}/LICENSE.BSD-2-Clause _bsd)
file(WRITE ${_doc}/copyright "${_copyright}${_bsd}")
file(GLOB _licences ${_doc}/LICENSE.*)
file(REMOVE ${_licences})

string(TIMESTAMP _today "%a, %d %b %Y 00:00:00 +0000" UTC)
file(WRITE ${_doc}/changelog "${CPACK_PACKAGE_NAME} (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium\n\n"
	"  * Packaged by cpack from the sources of this version.\n\n"
	" -- ${CPACK_PACKAGE_CONTACT}  ${_today}\n")

# As Debian strips, which is more than cmake does.
find_program(CPT_STRIP strip)
if(CPT_STRIP)
	execute_process(COMMAND ${CPT_STRIP} -R .comment -R .note
		${CPACK_TEMPORARY_DIRECTORY}/usr/bin/${CPACK_PACKAGE_NAME} COMMAND_ERROR_IS_FATAL ANY)
endif()

file(GLOB_RECURSE _pages ${_share}/man/*)
execute_process(COMMAND gzip -9nf ${_pages} ${_doc}/changelog COMMAND_ERROR_IS_FATAL ANY)
