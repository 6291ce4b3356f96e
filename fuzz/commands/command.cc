// The only file that includes CLI11: it costs more to compile than all commands together.
#include "fuzz/commands/command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "allocator/base/bug.h"

namespace cma {
namespace {

std::string complaint_about_number(const std::string& text, Bounds bounds) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc{} && read == end && bounds.least <= value && value <= bounds.most) return "";
  return fmt::format("'{}' is no whole number from {} to {}", text, bounds.least, bounds.most);
}

std::string complaint_about_bug(const std::string& name) {
  return bug_from_name(name) ? "" : "there is no bug '" + name + "'";
}

// Returns the words that an option takes, which its help shows as "TEXT:{one,two}"; none if it takes others too.
std::vector<std::string> words_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t open = type.find('{');
  const std::size_t end = type.find('}');
  std::vector<std::string> words;
  if (open == std::string::npos || end == std::string::npos) return words;
  for (std::size_t at = open + 1; at <= end;) {
    const std::size_t next = std::min(type.find(',', at), end);
    words.push_back(type.substr(at, next - at));
    at = next + 1;
  }
  return words;
}

using Offered = std::map<const CLI::Option*, std::vector<std::string>>;

CommandInfo info_of(const CLI::App& app, const Offered& offered) {
  CommandInfo info{app.get_name(), app.get_description(), {}};
  for (const CLI::Option* const option : app.get_options()) {
    OptionInfo one;
    for (const std::string& name : option->get_snames()) one.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) one.names.push_back("--" + name);
    one.help = option->get_description();
    one.takes_value = option->get_items_expected_max() != 0;
    const auto words = offered.find(option);
    one.words = words != offered.end() ? words->second : words_of(*option);
    info.options.push_back(std::move(one));
  }
  return info;
}

}  // namespace

// --- options ---

Option& Option::required() {
  option_->required();
  return *this;
}

Option& Option::excludes(const Option& other) {
  option_->excludes(other.option_);
  return *this;
}

Option& Option::needs(const Option& other) {
  option_->needs(other.option_);
  return *this;
}

Option& Option::one_value_each() {
  option_->allow_extra_args(false);
  return *this;
}

Option& Option::one_of(const std::vector<std::string>& words) {
  option_->check(CLI::IsMember(words));
  return *this;
}

Option& Option::existing_path() {
  option_->check(CLI::ExistingPath);
  return *this;
}

Option& Option::existing_folder() {
  option_->check(CLI::ExistingDirectory);
  return *this;
}

Option& Option::check(std::function<std::string(const std::string& value)> complaint) {
  option_->check(std::move(complaint));
  return *this;
}

Option& Option::show_default() {
  option_->capture_default_str();
  return *this;
}

// --- commands ---

Option Command::flag(const std::string& names, bool& value, const std::string& help) {
  return Option(app_->add_flag(names, value, help));
}

Option Command::text(const std::string& names, std::string& value, const std::string& help) {
  return Option(app_->add_option(names, value, help));
}

Option Command::texts(const std::string& names, std::vector<std::string>& values, const std::string& help) {
  return Option(app_->add_option(names, values, help));
}

Option Command::number(const std::string& names, std::uint64_t& value, const std::string& help, Bounds bounds) {
  return Option(app_->add_option(names, value, help)).check([bounds](const std::string& text) {
    return complaint_about_number(text, bounds);
  });
}

Option Command::bugs(const std::string& names, std::vector<std::string>& values, const std::string& help) {
  Option option = texts(names, values, help);
  std::vector<std::string> words;
  for (const BugInfo& bug : bug_catalogue()) words.emplace_back(bug.name);
  offer(option, std::move(words));
  return option.check(complaint_about_bug);
}

void Command::offer(const Option& option, std::vector<std::string> words) {
  line_.offered_[option.option_] = std::move(words);
}

void Command::footer(const std::string& text) { app_->footer(text); }

void Command::action(std::function<int()> perform) {
  app_->callback([&exit_code = line_.exit_code_, perform = std::move(perform)] {
    try {
      exit_code = std::max(exit_code, perform());
    } catch (const UsageError& error) {
      throw CLI::ValidationError(error.what());
    }
  });
}

// --- the command line ---

CommandLine::CommandLine(const std::string& name, const std::string& description, const std::string& footer,
                         const std::string& version, std::string written_by)
    : app_(std::make_unique<CLI::App>(description, name)), written_by_(std::move(written_by)) {
  app_->set_version_flag("--version", version, "Print version, commit and modelled releases, and exit");
  app_->footer(footer);
  app_->require_subcommand(1);
}

CommandLine::~CommandLine() = default;

Command CommandLine::add(const std::string& name, const std::string& description) {
  return {*this, app_->add_subcommand(name, description)};
}

std::vector<CommandInfo> CommandLine::commands() const {
  std::vector<CommandInfo> commands = {info_of(*app_, offered_)};
  commands.front().description.clear();
  const auto any = [](const CLI::App*) { return true; };
  for (const CLI::App* const command : std::as_const(*app_).get_subcommands(any))
    commands.push_back(info_of(*command, offered_));
  return commands;
}

int CommandLine::run(int argc, const char* const* argv) {
  if (argc <= 1) {
    fmt::print("{}", app_->help());
    return kNothingFound;
  }
  const auto is_wanted = [&](const CLI::App* command) { return command->get_name() == argv[1]; };
  if (argv[1][0] != '-' && app_->get_subcommands(is_wanted).empty()) {
    fmt::print(stderr, "{0}: there is no command '{1}'; `{0} --help` lists them\n", app_->get_name(), argv[1]);
    return kBadInput;
  }
  const std::string first(argv[1]);
  if (first.starts_with('-') && app_->get_option_no_throw(first.substr(0, first.find('='))) == nullptr) {
    fmt::print(stderr, "{0}: there is no option '{1}'; `{0} --help` lists them\n", app_->get_name(), first);
    return kBadInput;
  }
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app_->exit(error) == 0 ? kNothingFound : kBadInput;
  } catch (const std::filesystem::filesystem_error& error) {
    // A folder that was named and cannot be read.
    fmt::print(stderr, "{}: {}: {}\n", app_->get_name(), error.path1().string(), error.code().message());
    return kBadInput;
  }
  return exit_code_;
}

}  // namespace cma
