#include "fuzz/commands/shell_completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "allocator/base/assert.h"

namespace cma {
namespace {

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : std::string(between)) + word;
  return text;
}

// Returns the names of all options.
std::vector<std::string> option_names(const CommandInfo& command) {
  std::vector<std::string> names;
  for (const OptionInfo& option : command.options) names.insert(names.end(), option.names.begin(), option.names.end());
  return names;
}

// Returns the words of all arguments.
std::vector<std::string> argument_words(const CommandInfo& command) {
  std::vector<std::string> words;
  for (const OptionInfo& option : command.options)
    if (option.names.empty()) words.insert(words.end(), option.words.begin(), option.words.end());
  return words;
}

// Returns a single quote, the first text as it is, and the second with backslashes before the characters that have a
// meaning. The quote stays open.
std::string quoted_after(std::string_view first, std::string_view text, std::string_view with_meaning) {
  std::string out = "'" + std::string(first);
  for (const char c : text) {
    if (c == '\'') {
      out += R"('\'')";
      continue;
    }
    if (with_meaning.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string shell_quoted(std::string_view text) { return quoted_after("", text, "\\") + "'"; }

std::span<const CommandInfo> behind_first(const std::vector<CommandInfo>& commands) {
  CMA_ASSERT(!commands.empty());
  return std::span(commands).subspan(1);
}

// --- zsh ---

// Returns what zsh calls the action of an option's value.
std::string zsh_action(const OptionInfo& option) {
  return option.words.empty() ? "_files" : "(" + joined(option.words, " ") + ")";
}

// Returns a line for _arguments: of an argument, or of each name of an option.
std::string zsh_option(const OptionInfo& option) {
  constexpr std::string_view kWithMeaning = "[]:\\";
  const std::string value = option.takes_value ? ":value:" + zsh_action(option) : "";
  if (option.names.empty()) return "        ':argument:" + zsh_action(option) + "' \\\n";
  std::string out;
  for (const std::string& name : option.names)
    out += "        " + quoted_after("*" + name + "[", option.help, kWithMeaning) + "]" + value + "' \\\n";
  return out;
}

}  // namespace

std::string bash_completion(const std::vector<CommandInfo>& commands) {
  std::vector<std::string> first;
  std::string cases;
  for (const CommandInfo& command : behind_first(commands)) {
    first.push_back(command.name);
    cases += fmt::format("    {})\n      words='{}' options='{}'\n      case $before in\n", command.name,
                         joined(argument_words(command), " "), joined(option_names(command), " "));
    for (const OptionInfo& option : command.options)
      if (option.takes_value && !option.names.empty())
        cases +=
            fmt::format("        {}) words='{}' options= ;;\n", joined(option.names, " | "), joined(option.words, " "));
    cases += "      esac\n      ;;\n";
  }
  return fmt::format(
      "# bash completion for cmacheck, which `cmacheck completion bash` prints.\n"
      "_cmacheck() {{\n"
      "  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} command=${{COMP_WORDS[1]}}\n"
      "  local words= options=\n"
      "  if ((COMP_CWORD == 1)); then command=; fi\n"
      "  # The shell takes the = of --option=value for a word.\n"
      "  if [[ $word == = ]]; then word=; elif [[ $before == = ]]; then before=${{COMP_WORDS[COMP_CWORD - 2]}}; fi\n"
      "  case $command in\n"
      "    '') words='{}' options='{}' ;;\n{}  esac\n"
      "  if [[ $word == -* ]]; then words=$options; fi\n"
      "  # Where none of these words begins so, the shell offers files.\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
      "}}\n"
      "complete -o default -F _cmacheck cmacheck\n",
      joined(first, " "), joined(option_names(commands.front()), " "), cases);
}

std::string zsh_completion(const std::vector<CommandInfo>& commands) {
  std::string names;
  std::string cases;
  for (const CommandInfo& command : behind_first(commands)) {
    names += "    " + shell_quoted(command.name + ":" + command.description) + "\n";
    cases += fmt::format("    {})\n      _arguments \\\n", command.name);
    for (const OptionInfo& option : command.options) cases += zsh_option(option);
    const bool arguments = std::ranges::any_of(command.options, [](const auto& one) { return one.names.empty(); });
    cases += arguments ? "        '*:argument:_files'\n      ;;\n" : "        && return\n      ;;\n";
  }
  std::string own;
  for (const OptionInfo& option : commands.front().options) own += zsh_option(option);
  return fmt::format(
      "#compdef cmacheck\n# zsh completion for cmacheck, which `cmacheck completion zsh` prints.\n"
      "_cmacheck() {{\n  local -a commands\n  commands=(\n{}  )\n"
      "  if ((CURRENT == 2)); then\n    _describe -t commands command commands\n"
      "    _arguments \\\n{}        && return\n    return\n  fi\n"
      "  shift words\n  ((CURRENT--))\n  case $words[1] in\n{}  esac\n}}\n"
      "# As a function of fpath it completes; sourced, it only registers.\n"
      "if [[ $funcstack[1] == _cmacheck ]]; then _cmacheck \"$@\"; else compdef _cmacheck cmacheck; fi\n",
      names, own, cases);
}

std::string fish_completion(const std::vector<CommandInfo>& commands) {
  std::string out = "# fish completion for cmacheck, which `cmacheck completion fish` prints.\n";
  for (const CommandInfo& command : behind_first(commands))
    out += fmt::format("complete -c cmacheck -n __fish_use_subcommand -f -a {} -d {}\n", command.name,
                       shell_quoted(command.description));
  for (const CommandInfo& command : commands) {
    const std::string when = &command == &commands.front()
                                 ? "__fish_use_subcommand"
                                 : fmt::format("'__fish_seen_subcommand_from {}'", command.name);
    for (const OptionInfo& option : command.options) {
      out += fmt::format("complete -c cmacheck -n {}", when);
      for (const std::string& name : option.names)
        out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      if (!option.words.empty())
        out += fmt::format(" {}-a '{}'", option.names.empty() ? "-f " : "-x ", joined(option.words, " "));
      else if (option.takes_value)
        out += option.names.empty() ? " -F" : " -r";
      out += fmt::format(" -d {}\n", shell_quoted(option.help));
    }
  }
  return out;
}

}  // namespace cma
