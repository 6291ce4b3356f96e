// Reading programs from files and writing results to files, for the commands.
//
// A program is read in either form: what holds only text is text, everything else is bytes. A file is written aside and
// then renamed, so that an interrupted or failed write leaves what was there before.
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
  // Bytes are what the fuzz targets make of them (fuzz/mutation/input.h).
  bool as_fuzzed = false;
};

struct LoadedProgram {
  std::string file;
  Form form = Form::text;
  Program program;
  // Line of each operation: in the file, or in the canonical text if the file holds bytes.
  std::vector<int> lines;
};

// Why something failed, and with which exit code that ends.
struct Failure {
  int exit_code;
  std::string message;
};

// Says why on the standard error; the exit code that it ends with.
int report_failure(const Failure& failure);

// "-" is the standard input.
std::expected<std::string, Failure> read_file(const std::string& file);
std::expected<LoadedProgram, Failure> load_program(const std::string& file, const LoadOptions& options = {});
bool looks_like_text(std::string_view content);

// Returns the files named and, in place of each folder named, the programs (*.cma) below it, in order of their paths.
// Throws std::filesystem::filesystem_error if a folder cannot be read; so does files_below().
std::vector<std::string> program_files(const std::vector<std::string>& paths);
// Returns all files below a folder, in order of their paths.
std::vector<std::string> files_below(const std::string& folder);

// "-" is the standard output. A link is followed; a file keeps its mode, and one that may not be written to is left.
std::expected<void, Failure> write_file(const std::string& file, std::string_view content);
// Whether that can be done, for those who have much to do before.
std::expected<void, Failure> check_writable(const std::string& file);

}  // namespace cma
