# Installs the component `program` and describes its packages to CPack. Included by CMakeLists.txt where the command
# line is built. A package is made in the builds of the presets package, static and static-arm64; ci/package does it.

# Man pages are made of the help texts by help2man; without it there are none. The presets for everyday work do without
# them, as they would be made anew whenever the program is linked.
find_program(CMACHECK_HELP2MAN help2man)
set(documents OFF)
if(CMACHECK_HELP2MAN)
  set(documents ON)
endif()
option(CMACHECK_DOCUMENTS "Make man pages and shell completion (needs help2man)" ${documents})

set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME program)
install(TARGETS cmacheck)
# Where installed.cc looks for it.
install(DIRECTORY corpus DESTINATION share/cmacheck)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

if(CMACHECK_DOCUMENTS)
  set(documents_folder ${PROJECT_BINARY_DIR}/documents)
  add_custom_command(OUTPUT ${documents_folder}/stamp
    DEPENDS cmacheck ${CMAKE_CURRENT_LIST_DIR}/documents.cmake
    COMMAND ${CMAKE_COMMAND} "-DPROGRAM=${CMAKE_CROSSCOMPILING_EMULATOR};$<TARGET_FILE:cmacheck>"
      -DVERSION=${PROJECT_VERSION} -DHELP2MAN=${CMACHECK_HELP2MAN} -DOUT=${documents_folder}
      -P ${CMAKE_CURRENT_LIST_DIR}/documents.cmake
    COMMENT "Making man pages and shell completion" VERBATIM)
  add_custom_target(cmacheck_documents ALL DEPENDS ${documents_folder}/stamp)
  install(DIRECTORY ${documents_folder}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR})
  install(FILES ${documents_folder}/cmacheck DESTINATION share/bash-completion/completions)
  install(FILES ${documents_folder}/_cmacheck DESTINATION share/zsh/vendor-completions)
  install(FILES ${documents_folder}/cmacheck.fish DESTINATION share/fish/vendor_completions.d)
endif()

# ---- Packages ------------------------------------------------------------------------------------------------------

# What a Debian package must have beside the program.
configure_file(${CMAKE_CURRENT_LIST_DIR}/copyright.in ${PROJECT_BINARY_DIR}/packaging/copyright @ONLY)
configure_file(${CMAKE_CURRENT_LIST_DIR}/changelog.in ${PROJECT_BINARY_DIR}/packaging/changelog @ONLY)
execute_process(COMMAND gzip -9nkf changelog WORKING_DIRECTORY ${PROJECT_BINARY_DIR}/packaging)
install(FILES ${PROJECT_BINARY_DIR}/packaging/changelog.gz DESTINATION share/doc/cmacheck OPTIONAL)
install(FILES ${PROJECT_BINARY_DIR}/packaging/copyright DESTINATION share/doc/cmacheck)

string(REPLACE "x86_64" "amd64" architecture "${CMAKE_SYSTEM_PROCESSOR}")
string(REPLACE "aarch64" "arm64" architecture "${architecture}")
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_FILE_NAME cmacheck-${PROJECT_VERSION}-linux-${architecture})
if(CMACHECK_STATIC)
  set(CPACK_GENERATOR TXZ)
  string(APPEND CPACK_PACKAGE_FILE_NAME -static)
endif()
set(CPACK_PACKAGE_CONTACT "cmacheck <cmacheck@noreply.invalid>")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_SOURCE_DIR}/build/packages)
set(CPACK_COMPONENTS_ALL program)
set(CPACK_STRIP_FILES ON)
set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
set(CPACK_ARCHIVE_FILE_NAME ${CPACK_PACKAGE_FILE_NAME})
set(CPACK_ARCHIVE_PROGRAM_FILE_NAME ${CPACK_PACKAGE_FILE_NAME})
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PACKAGE_NAME cmacheck)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME cmacheck)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PROGRAM_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE ${architecture})
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_CMACHECK_BUILD ${PROJECT_BINARY_DIR})
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_LIST_DIR}/depends.cmake)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS device-tree-compiler)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
if(CMACHECK_STATIC)
  set(CPACK_PACKAGING_INSTALL_PREFIX /)
  set(CPACK_COMPONENT_INCLUDE_TOPLEVEL_DIRECTORY ON)
endif()
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION
"Explains logs of the contiguous memory allocator (CMA) of Linux: what failed,
which pages were in the way, and what would help. Computes how large an area
must be, and what a kernel reserves on the board of a device tree.
.
At its centre is a model of the allocator, of several releases of Linux, on
which small programs run while laws are checked.")
include(CPack)
