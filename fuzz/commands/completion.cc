// `cmacheck completion`: prints what a shell needs to complete its words.

#include <fmt/format.h>

#include <memory>
#include <string>

#include "fuzz/commands/command.h"
#include "fuzz/commands/shell_completion.h"

namespace cma {

void add_completion(CommandLine& line) {
  auto shell = std::make_shared<std::string>();
  Command sub = line.add("completion", "Prints what a shell needs to complete commands and options");
  sub.text("SHELL", *shell, "The shell").required().one_of({"bash", "zsh", "fish"});
  sub.footer("For example: source <(cmacheck completion bash). Exit: 0 done, 2 bad usage.");
  sub.action([shell, &line] {
    const std::vector<CommandInfo> commands = line.commands();
    fmt::print("{}", *shell == "bash"  ? bash_completion(commands)
                     : *shell == "zsh" ? zsh_completion(commands)
                                       : fish_completion(commands));
    return kNothingFound;
  });
}

}  // namespace cma
