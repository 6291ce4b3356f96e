// Reads programs from files and writes results to files, for the commands.
//
// A program is read in either form: a file that holds only text is text, any other is bytes. One that begins as text
// does and goes on with other bytes is damaged, and refused. A file is written under another name and then renamed, so
// that an interrupted or failed write leaves what was there before. Functions that can fail return a Failure; only
// program_files() and files_below() throw.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "properties/program/program.h"

namespace cma {

enum class Form : std::uint8_t { by_content, text, bytes };

struct LoadOptions {
  Form form = Form::by_content;
  // Whether bytes are read as the fuzz targets read them (fuzz/mutation/input.h).
  bool as_fuzzed = false;
};

struct LoadedProgram {
  std::string file;
  Form form = Form::text;
  Program program;
  // The line of each operation, in the file or, if that holds bytes, in the canonical text. Empty if unknown.
  std::vector<int> lines;
};

// Why something failed, and the exit code for it.
struct Failure {
  int exit_code;
  std::string message;
};

// Prints the reason on the standard error and returns the exit code.
int report_failure(const Failure& failure);

// Returns the content of a file; "-" is the standard input.
std::expected<std::string, Failure> read_file(const std::string& file);
// Reads and parses or decodes a program; "-" is the standard input.
std::expected<LoadedProgram, Failure> load_program(const std::string& file, const LoadOptions& options = {});
// The same of a file that was read already.
std::expected<LoadedProgram, Failure> program_of(const std::string& file, std::string_view content,
                                                 const LoadOptions& options = {});
// Returns whether there are no control characters but tabs and ends of lines; the byte form begins with one.
bool looks_like_text(std::string_view content);

// Returns the files named and, in place of each folder named, the programs (*.cma) below it, in order of their paths.
// Throws std::filesystem::filesystem_error if a folder cannot be read; so does files_below().
std::vector<std::string> program_files(const std::vector<std::string>& paths);
// Returns all files below a folder, in order of their paths.
std::vector<std::string> files_below(const std::string& folder);

// Writes a file; "-" is the standard output. Follows a link and keeps the mode of a file that exists. Fails if the file
// may not be written to.
std::expected<void, Failure> write_file(const std::string& file, std::string_view content);
// Checks that write_file() would succeed now, for commands that work for long before they write.
std::expected<void, Failure> check_writable(const std::string& file);
// Checks that of each output, and that none is a file that the command reads, or another of its outputs: what a result
// replaces may be the only copy. Empty names stand for files that were not asked for; "-" is none.
std::expected<void, Failure> check_outputs(const std::vector<std::string>& outputs,
                                           const std::vector<std::string>& inputs);

}  // namespace cma
