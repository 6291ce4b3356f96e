# Read by CPack before it makes a package: the packages that the program's libraries are of. CPack would ask this of
# each file, the whole corpus included.
if(CPACK_GENERATOR STREQUAL "DEB")
  set(folder ${CPACK_CMACHECK_BUILD}/packaging)
  file(WRITE ${folder}/debian/control "Source: cmacheck\n\nPackage: cmacheck\nArchitecture: any\n")
  execute_process(COMMAND dpkg-shlibdeps -O ${CPACK_CMACHECK_BUILD}/bin/cmacheck
    WORKING_DIRECTORY ${folder} OUTPUT_VARIABLE depends COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX REPLACE "^.*shlibs:Depends=([^\n]*)\n.*$" "\\1" CPACK_DEBIAN_PACKAGE_DEPENDS "${depends}")
endif()
