# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Read by cpack before it makes a package: without these programs cpack would make one that says of no
# library that it needs it, and installs where it cannot run.
find_program(CPT_DPKG_SHLIBDEPS dpkg-shlibdeps)
find_program(CPT_FILE file)
find_program(CPT_GZIP gzip)
if(CPACK_GENERATOR STREQUAL "DEB" AND NOT (CPT_DPKG_SHLIBDEPS AND CPT_FILE AND CPT_GZIP))
	message(FATAL_ERROR "A package's dependencies are found by dpkg-shlibdeps and file, and its manual is "
		"compressed by gzip: apt-get install dpkg-dev file gzip")
endif()
