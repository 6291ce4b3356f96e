// trace.dat, version 6. From the top of the file: what it is, how pages and events of the ring buffer are laid out, the
// format of each event, the tasks' names, and for each CPU its part of the ring buffer, page by page.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "allocator/base/assert.h"
#include "properties/traces/writers.h"

namespace cma {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kPageHeader = 16;  // time stamp and number of bytes used
// The time since the event before has 27 bits; what comes later begins a page, which has a time of its own.
constexpr std::uint64_t kMostDelta = (std::uint64_t{1} << 27) - 1;
// An event of more words than this has its length in a word of its own.
constexpr std::size_t kMostWords = 28;
constexpr unsigned kFirstType = 300;

template <class Number>
void put(std::string& out, Number value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
}

template <class Size>
void put_sized(std::string& out, const std::string& content) {
  put<Size>(out, static_cast<Size>(content.size()));
  out += content;
}

void put_string(std::string& out, const std::string& text) {
  out += text;
  out += '\0';
}

// Returns the offset of each field in an event, and after them that of the texts.
std::vector<std::size_t> offsets(const TraceEvent& event) {
  std::vector<std::size_t> at;
  std::size_t next = 8;
  for (const TraceField& field : event.fields) {
    const std::size_t size = field.kind == TraceField::Kind::text ? 4 : 8;
    next = (next + size - 1) / size * size;
    at.push_back(next);
    next += size;
  }
  at.push_back(next);
  return at;
}

// Returns what the kernel's file events/SYSTEM/NAME/format would be.
std::string format_file(const TraceEvent& event, unsigned type) {
  std::string text = fmt::format("name: {}\nID: {}\nformat:\n", event.format.name, type);
  text +=
      "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
      "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
      "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
      "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n";
  std::string arguments;
  const std::vector<std::size_t> at = offsets(event);
  for (std::size_t i = 0; i < event.fields.size(); ++i) {
    const TraceField& field = event.fields[i];
    if (field.kind == TraceField::Kind::text) {
      text += fmt::format("\tfield:__data_loc char[] {};\toffset:{};\tsize:4;\tsigned:0;\n", field.name, at[i]);
      arguments += fmt::format(", __get_str({})", field.name);
    } else {
      const bool is_signed = field.kind == TraceField::Kind::signed_decimal;
      text += fmt::format("\tfield:{} {};\toffset:{};\tsize:8;\tsigned:{};\n", is_signed ? "long" : "unsigned long",
                          field.name, at[i], is_signed ? 1 : 0);
      arguments += ", REC->" + field.name;
    }
  }
  return text + fmt::format("\nprint fmt: \"{}\"{}\n", event.format.print, arguments);
}

// Returns the 64 bits of a number.
std::uint64_t number_of(const TraceField& field) {
  std::uint64_t value = 0;
  const bool minus = field.value.starts_with('-');
  const char* begin = field.value.data() + (minus ? 1 : 0);
  const char* end = field.value.data() + field.value.size();
  const auto read = std::from_chars(begin, end, value, field.kind == TraceField::Kind::hex ? 16 : 10);
  CMA_ASSERT(read.ec == std::errc() && read.ptr == end);
  return minus ? ~value + 1 : value;
}

std::string payload(const TraceEvent& event, unsigned type, int pid) {
  std::string out;
  put<std::uint16_t>(out, static_cast<std::uint16_t>(type));
  put<std::uint16_t>(out, 0);  // flags and preempt count
  put<std::int32_t>(out, pid);
  const std::vector<std::size_t> at = offsets(event);
  std::string texts;
  for (std::size_t i = 0; i < event.fields.size(); ++i) {
    const TraceField& field = event.fields[i];
    out.resize(at[i], '\0');
    if (field.kind == TraceField::Kind::text) {
      put<std::uint32_t>(out, static_cast<std::uint32_t>((at.back() + texts.size()) | (field.value.size() + 1) << 16));
      put_string(texts, field.value);
    } else {
      put<std::uint64_t>(out, number_of(field));
    }
  }
  out += texts;
  out.resize((out.size() + 3) / 4 * 4, '\0');
  return out;
}

// The ring buffer of one CPU.
class Pages {
 public:
  void add(std::uint64_t time, const std::string& payload) {
    const std::size_t words = payload.size() / 4;
    const std::size_t size = 4 + (words > kMostWords ? 4 : 0) + payload.size();
    if (page_.empty() || page_.size() + size > kPage || time - last_ > kMostDelta) begin(time);
    const std::uint64_t delta = time - last_;
    last_ = time;
    put<std::uint32_t>(page_, static_cast<std::uint32_t>((words > kMostWords ? 0 : words) | delta << 5));
    if (words > kMostWords) put<std::uint32_t>(page_, static_cast<std::uint32_t>(payload.size() + 4));
    page_ += payload;
  }
  // Returns all pages.
  std::string finish() {
    end();
    return std::move(done_);
  }

 private:
  void begin(std::uint64_t time) {
    end();
    put<std::uint64_t>(page_, time);
    put<std::uint64_t>(page_, 0);
    last_ = time;
  }
  void end() {
    if (page_.empty()) return;
    std::string used;
    put<std::uint64_t>(used, page_.size() - kPageHeader);
    page_.replace(8, 8, used);
    page_.resize(kPage, '\0');
    done_ += page_;
    page_.clear();
  }

  std::string page_;
  std::string done_;
  std::uint64_t last_ = 0;
};

std::string page_header() {
  return "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
         "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
         "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
         "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n";
}

std::string event_header() {
  return "# compressed entry header\n"
         "\ttype_len    :    5 bits\n\ttime_delta  :   27 bits\n\tarray       :   32 bits\n\n"
         "\tpadding     : type == 29\n\ttime_extend : type == 30\n\ttime_stamp : type == 31\n"
         "\tdata max type_len  == 28\n";
}

using Types = std::map<std::pair<std::string, std::string>, std::pair<unsigned, const TraceEvent*>>;

Types types_of(const RunTrace& trace) {
  Types types;
  for (const TraceEvent& event : trace.events) types.try_emplace({event.format.system, event.format.name}, 0, &event);
  unsigned next = kFirstType;
  for (auto& [name, type] : types) type.first = next++;
  return types;
}

std::string header(const RunTrace& trace, const Types& types) {
  std::string out;
  put_string(out, "\x17\x08\x44tracing6");
  put<std::uint8_t>(out, 0);  // little endian
  put<std::uint8_t>(out, 8);  // bytes of a long
  put<std::uint32_t>(out, kPage);
  put_string(out, "header_page");
  put_sized<std::uint64_t>(out, page_header());
  put_string(out, "header_event");
  put_sized<std::uint64_t>(out, event_header());
  put<std::uint32_t>(out, 0);  // events of tracers
  std::map<std::string, std::vector<std::string>> systems;
  for (const auto& [name, type] : types) systems[name.first].push_back(format_file(*type.second, type.first));
  put<std::uint32_t>(out, static_cast<std::uint32_t>(systems.size()));
  for (const auto& [system, files] : systems) {
    put_string(out, system);
    put<std::uint32_t>(out, static_cast<std::uint32_t>(files.size()));
    for (const std::string& file : files) put_sized<std::uint64_t>(out, file);
  }
  put<std::uint32_t>(out, 0);  // addresses of functions
  put<std::uint32_t>(out, 0);  // formats of trace_printk
  std::string names;
  for (const TraceTask& task : trace.tasks) names += fmt::format("{} {}\n", task.pid, task.name);
  put_sized<std::uint64_t>(out, names);
  put<std::uint32_t>(out, static_cast<std::uint32_t>(trace.cpus));
  put_string(out, "flyrecord");
  return out;
}

}  // namespace

std::string trace_dat(const RunTrace& trace) {
  const Types types = types_of(trace);
  std::vector<Pages> buffers(static_cast<std::size_t>(trace.cpus));
  for (const TraceEvent& event : trace.events) {
    const unsigned type = types.at({event.format.system, event.format.name}).first;
    buffers[static_cast<std::size_t>(event.cpu)].add(event.nanoseconds,
                                                     payload(event, type, trace.tasks[event.task].pid));
  }
  std::string out = header(trace, types);
  std::size_t offset = (out.size() + 16 * buffers.size() + kPage - 1) / kPage * kPage;
  const std::size_t first = offset;
  std::string data;
  for (Pages& buffer : buffers) {
    const std::string pages = buffer.finish();
    put<std::uint64_t>(out, offset);
    put<std::uint64_t>(out, pages.size());
    offset += pages.size();
    data += pages;
  }
  out.resize(first, '\0');
  return out + data;
}

}  // namespace cma
