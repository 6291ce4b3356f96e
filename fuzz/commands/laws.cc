// `cmacheck laws`: lists what is checked.

#include "properties/laws/catalogue.h"

#include <fmt/format.h>

#include "fuzz/commands/command.h"

namespace cma {

void add_laws(CommandLine& line) {
  Command sub = line.add("laws", "Lists the laws: what must be true, when it is suspended and why");
  sub.action([] {
    for (const LawInfo& law : law_catalogue()) {
      fmt::print("{}\n  {}\n", name_of(law.law), law.sentence);
      fmt::print("  suspended: {}\n  checked: {}\n\n", law.suspended, law.checked);
    }
    return kNothingFound;
  });
}

}  // namespace cma
