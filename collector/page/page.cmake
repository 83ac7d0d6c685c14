# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The page's files go into the program as they are (.incbin), and their hashes into its policy: a browser
# runs no script and applies no style but these. Needs nothing but CMake.
set(CPT_PAGE_DIR ${CMAKE_CURRENT_SOURCE_DIR}/page)
set(_page_scripts data.js accounts.js draw.js sections.js lanes.js phases.js timeline.js tables.js main.js)
list(TRANSFORM _page_scripts PREPEND ${CPT_PAGE_DIR}/)
set(_page_styles ${CPT_PAGE_DIR}/colours.css ${CPT_PAGE_DIR}/page.css)
set(_page_files ${CPT_PAGE_DIR}/page.html ${_page_styles} ${_page_scripts})
# The scripts are one, and so are the styles, in this order.
set(CPT_PAGE_JS ${CMAKE_CURRENT_BINARY_DIR}/page.js)
set(CPT_PAGE_CSS ${CMAKE_CURRENT_BINARY_DIR}/page.css)
execute_process(COMMAND ${CMAKE_COMMAND} -E cat ${_page_scripts} OUTPUT_FILE ${CPT_PAGE_JS}
	COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} -E cat ${_page_styles} OUTPUT_FILE ${CPT_PAGE_CSS}
	COMMAND_ERROR_IS_FATAL ANY)

# Colours as macros, for pictures: CPT_LIGHT_RUNNING and CPT_DARK_RUNNING of "--running: #0a7f60;".
file(STRINGS ${CPT_PAGE_DIR}/colours.css _lines REGEX "data-theme|^\t--[a-z-]+: #[0-9a-f]+")
set(_theme LIGHT)
set(CPT_COLOURS "")
foreach(_line IN LISTS _lines)
	if(_line MATCHES "data-theme")
		set(_theme DARK)
	elseif(_line MATCHES "--([a-z-]+): (#[0-9a-f]+)")
		string(TOUPPER ${CMAKE_MATCH_1} _name)
		string(REPLACE - _ _name ${_name})
		string(APPEND CPT_COLOURS "#define CPT_${_theme}_${_name} \"${CMAKE_MATCH_2}\"\n")
	endif()
endforeach()
configure_file(${CPT_PAGE_DIR}/colours.h.in ${CMAKE_CURRENT_BINARY_DIR}/colours.h @ONLY)

# Hexadecimal to base64, three bytes at a time; 32 bytes leave two over.
function(_base64_of_hex hex out)
	set(digits ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/)
	set(text "")
	foreach(at RANGE 0 54 6)
		string(SUBSTRING ${hex} ${at} 6 part)
		foreach(shift 18 12 6 0)
			math(EXPR digit "(0x${part} >> ${shift}) & 63")
			string(SUBSTRING ${digits} ${digit} 1 char)
			string(APPEND text ${char})
		endforeach()
	endforeach()
	string(SUBSTRING ${hex} 60 4 part)
	foreach(shift 10 4)
		math(EXPR digit "(0x${part} >> ${shift}) & 63")
		string(SUBSTRING ${digits} ${digit} 1 char)
		string(APPEND text ${char})
	endforeach()
	math(EXPR digit "(0x${part} << 2) & 63")
	string(SUBSTRING ${digits} ${digit} 1 char)
	set(${out} "${text}${char}=" PARENT_SCOPE)
endfunction()

file(SHA256 ${CPT_PAGE_CSS} _hex)
_base64_of_hex(${_hex} CPT_PAGE_CSS_SHA256)
file(SHA256 ${CPT_PAGE_JS} _hex)
_base64_of_hex(${_hex} CPT_PAGE_JS_SHA256)

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${_page_files})
configure_file(${CPT_PAGE_DIR}/page.c.in ${CMAKE_CURRENT_BINARY_DIR}/page.c @ONLY)
set_source_files_properties(${CMAKE_CURRENT_BINARY_DIR}/page.c PROPERTIES OBJECT_DEPENDS "${_page_files};${CPT_PAGE_JS};${CPT_PAGE_CSS}")
