# Makes in OUT the man pages (man1/) and what shells need to complete cmacheck, all from the program's own words.
#   cmake -DPROGRAM=COMMAND -DVERSION=VERSION -DHELP2MAN=help2man -DOUT=FOLDER -P documents.cmake
# PROGRAM is a list: an emulator may stand before the program. Ends with an error if one of them cannot be made.
cmake_minimum_required(VERSION 3.25)
list(REMOVE_ITEM PROGRAM "")
file(REMOVE_RECURSE ${OUT})
file(MAKE_DIRECTORY ${OUT}/man1 ${OUT}/wrappers)

# make_page(NAME WORDS ABOUT SEE): the page NAME.1 of `cmacheck WORDS`. help2man names a page for the program that it
# runs, so a program of that name is there for it.
function(make_page name words about see)
  list(JOIN PROGRAM "' '" program)
  file(WRITE ${OUT}/wrappers/${name} "#!/bin/sh\nexec '${program}' ${words} \"$@\"\n")
  file(CHMOD ${OUT}/wrappers/${name} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
  file(WRITE ${OUT}/wrappers/${name}.more "[NAME]\n${name} \\- ${about}\n\n[SEE ALSO]\n${see}\n")
  execute_process(COMMAND ${HELP2MAN} --no-info "--version-string=cmacheck ${VERSION}" --include=${name}.more
      --output=${OUT}/man1/${name}.1 ./${name}
    WORKING_DIRECTORY ${OUT}/wrappers COMMAND_ERROR_IS_FATAL ANY)
  # Headings of the help become those of man pages.
  file(READ ${OUT}/man1/${name}.1 page)
  string(REPLACE ".SS \"Positionals:\"" ".SH ARGUMENTS" page "${page}")
  string(REPLACE ".SS \"Subcommands:\"" ".SH COMMANDS" page "${page}")
  file(WRITE ${OUT}/man1/${name}.1 "${page}")
endfunction()

execute_process(COMMAND ${PROGRAM} --help OUTPUT_VARIABLE help COMMAND_ERROR_IS_FATAL ANY)
string(REGEX REPLACE "^.*\nSubcommands:\n" "" commands "${help}")
string(REPLACE ";" "\\;" commands "${commands}")
string(REGEX MATCHALL "(^|\n)  [a-z]+ +[^\n]+" commands "${commands}")
set(pages "")
foreach(line IN LISTS commands)
  string(REGEX MATCH "  ([a-z]+) +(.+)$" match "${line}")
  set(command ${CMAKE_MATCH_1})
  make_page(cmacheck-${command} ${command} "${CMAKE_MATCH_2}" ".BR cmacheck (1)")
  list(APPEND pages ".BR cmacheck-${command} (1)")
endforeach()
if(NOT pages)
  message(FATAL_ERROR "the help of ${PROGRAM} lists no commands")
endif()
list(JOIN pages ",\n" see)
make_page(cmacheck "" "fuzzing and property testing for the Linux contiguous memory allocator" "${see}")

set(shells bash zsh fish)
set(files cmacheck _cmacheck cmacheck.fish)
foreach(shell file IN ZIP_LISTS shells files)
  execute_process(COMMAND ${PROGRAM} completion ${shell} OUTPUT_FILE ${OUT}/${file} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
file(GLOB pages ${OUT}/man1/*.1)
execute_process(COMMAND gzip -9n ${pages} COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE_RECURSE ${OUT}/wrappers)
file(TOUCH ${OUT}/stamp)
