# Writes OUT, a C++ source with the commit of the checkout SOURCE for `cmacheck --version`; "unknown" if git cannot say.
# A file that would not change is not written, so that nothing is compiled or linked again.
#   cmake -DSOURCE=FOLDER -DOUT=FILE -P commit.cmake
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND git rev-parse --short=12 HEAD WORKING_DIRECTORY ${SOURCE}
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${OUT} @ONLY
  CONTENT "#include \"fuzz/commands/command.h\"\n\nconst std::string_view cma::kCommit = \"@commit@\";\n")
