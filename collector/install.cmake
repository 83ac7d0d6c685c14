# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What is installed beside the program, and the Debian package: cmake --install, cpack -G DEB.
#
# The manual and the completion are printed by the program that is being built, so they cannot tell of
# other options than it has.
set(_pages ${CMAKE_BINARY_DIR}/pages)
set(_commands run record recover mark report export script diff stat doctor version help)
set(_made)

# made(FILE ARGUMENTS...): FILE is what `cpartrace help ARGUMENTS...` prints.
function(made file)
	add_custom_command(OUTPUT ${_pages}/${file}
		COMMAND ${CMAKE_COMMAND} -E make_directory ${_pages}
		COMMAND cpartrace help ${ARGN} > ${_pages}/${file}
		DEPENDS cpartrace VERBATIM)
	set(_made ${_made} ${_pages}/${file} PARENT_SCOPE)
endfunction()

made(cpartrace.1 --man)
foreach(_command ${_commands})
	made(cpartrace-${_command}.1 --man ${_command})
endforeach()
made(cpartrace.bash --completion bash)
made(_cpartrace --completion zsh)
add_custom_command(OUTPUT ${_pages}/cpartrace.data.5
	COMMAND ${CMAKE_COMMAND} -E make_directory ${_pages}
	COMMAND awk -v version=${PROJECT_VERSION} -v date=${CPT_RELEASE_DATE}
		-f ${PROJECT_SOURCE_DIR}/collector/format_man.awk
		${PROJECT_SOURCE_DIR}/analysis/FORMAT.md > ${_pages}/cpartrace.data.5
	DEPENDS ${PROJECT_SOURCE_DIR}/collector/format_man.awk ${PROJECT_SOURCE_DIR}/analysis/FORMAT.md
	VERBATIM)
add_custom_target(pages ALL DEPENDS ${_made} ${_pages}/cpartrace.data.5)

install(TARGETS cpartrace RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${_pages}/cpartrace.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
foreach(_command ${_commands})
	install(FILES ${_pages}/cpartrace-${_command}.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endforeach()
install(FILES ${_pages}/cpartrace.data.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES ${_pages}/cpartrace.bash RENAME cpartrace
	DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
# zsh looks into the first below /usr/local, into the second where Debian's packages put theirs.
install(FILES ${_pages}/_cpartrace DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${_pages}/_cpartrace DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES probes/mark.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cpartrace)
install(FILES README.md analysis/FORMAT.md LICENSE.BSD-2-Clause LICENSE.GPL-2.0
	DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE RENAME copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME cpartrace)
set(CPACK_PACKAGE_VENDOR cpartrace)
set(CPACK_PACKAGE_CONTACT "cpartrace <cpartrace@users.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_PROJECT_CONFIG_FILE ${PROJECT_SOURCE_DIR}/collector/deb/check.cmake)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/collector/deb/stage.cmake)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "tells concurrent from parallel execution, and why")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"cpartrace watches a command and all it starts with eBPF programs at the
kernel's scheduler events, and says for each moment how many things were in
progress, how many CPUs worked on them, and why it was not more.")
include(CPack)
