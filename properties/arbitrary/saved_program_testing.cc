#include "properties/arbitrary/saved_program_testing.h"

#include <fstream>
#include <sstream>

#include "properties/program/text.h"

namespace cma {

std::expected<Program, std::string> read_saved_program(const std::string& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return std::unexpected(file + ": cannot be read");
  auto program = parse(text.str(), file);
  if (!program) return std::unexpected(program.error().text());
  return *std::move(program);
}

}  // namespace cma
