// The Windows half of child_process.h.
#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>

#include <algorithm>
#include <chrono>
#include <system_error>

#include "base/child_process.h"

namespace fulmar {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t most_output = size_t{64} << 10;
constexpr DWORD ended_by_us = 0xF0000001, ended_by_control_c = 0xC000013A;

class Handle {
 public:
  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { close(); }
  void close() {
    if (handle && handle != INVALID_HANDLE_VALUE) CloseHandle(handle);
    handle = nullptr;
  }
  HANDLE handle = nullptr;
};

// As CommandLineToArgvW() takes it apart again: quoted, with backslashes doubled where a quote follows.
std::wstring quoted(const std::wstring& word) {
  std::wstring out = L"\"";
  size_t backslashes = 0;
  for (const wchar_t c : word) {
    if (c == L'"') out.append(backslashes + 1, L'\\');
    backslashes = c == L'\\' ? backslashes + 1 : 0;
    out += c;
  }
  return out.append(backslashes, L'\\') + L'"';
}

// What has arrived so far.
void read_some(HANDLE from, std::string& output) {
  DWORD there = 0;
  while (PeekNamedPipe(from, nullptr, 0, nullptr, &there, nullptr) && there > 0) {
    char part[4096];
    DWORD count = 0;
    if (!ReadFile(from, part, std::min<DWORD>(there, sizeof part), &count, nullptr) || count == 0) return;
    output.append(part, std::min<size_t>(count, most_output - std::min(most_output, output.size())));
  }
}

// A process with exactly these handles; false with GetLastError() set.
bool start(const std::filesystem::path& program, const std::vector<std::string>& arguments, HANDLE input,
           HANDLE output, HANDLE errors, PROCESS_INFORMATION& process) {
  std::wstring line = quoted(program.wstring());
  for (const std::string& argument : arguments)
    line += L" " + quoted(std::filesystem::path(std::u8string(argument.begin(), argument.end())).wstring());
  SIZE_T size = 0;
  InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
  std::vector<std::byte> storage(size);
  auto* list = reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(storage.data());
  if (!InitializeProcThreadAttributeList(list, 1, 0, &size)) return false;
  std::vector<HANDLE> inherited{input, output};
  if (errors && errors != INVALID_HANDLE_VALUE &&
      SetHandleInformation(errors, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT))
    inherited.push_back(errors);
  UpdateProcThreadAttribute(list, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, inherited.data(),
                            inherited.size() * sizeof(HANDLE), nullptr, nullptr);
  STARTUPINFOEXW info{};
  info.StartupInfo.cb = sizeof info;
  info.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
  info.StartupInfo.hStdInput = input;
  info.StartupInfo.hStdOutput = output;
  info.StartupInfo.hStdError = inherited.size() > 2 ? errors : nullptr;
  info.lpAttributeList = list;
  const bool started = CreateProcessW(program.c_str(), line.data(), nullptr, nullptr, TRUE,
                                      EXTENDED_STARTUPINFO_PRESENT | CREATE_NO_WINDOW, nullptr, nullptr,
                                      &info.StartupInfo, &process) != 0;
  const DWORD error = GetLastError();
  DeleteProcThreadAttributeList(list);
  SetLastError(error);
  return started;
}

}  // namespace

ChildEnd run_child(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                   double seconds) {
  ChildEnd end;
  const auto cannot = [&] {
    end.why = std::system_category().message(static_cast<int>(GetLastError()));
    return end;
  };
  SECURITY_ATTRIBUTES inherit{sizeof inherit, nullptr, TRUE};
  Handle from, to, nothing, process, thread;
  if (!CreatePipe(&from.handle, &to.handle, &inherit, 0)) return cannot();
  SetHandleInformation(from.handle, HANDLE_FLAG_INHERIT, 0);
  nothing.handle = CreateFileW(L"NUL", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherit,
                               OPEN_EXISTING, 0, nullptr);
  PROCESS_INFORMATION made{};
  if (!start(program, arguments, nothing.handle, to.handle, GetStdHandle(STD_ERROR_HANDLE), made))
    return cannot();
  process.handle = made.hProcess;
  thread.handle = made.hThread;
  to.close();
  const auto limit =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  bool in_time = false;
  do {
    in_time = WaitForSingleObject(process.handle, 20) == WAIT_OBJECT_0;
    read_some(from.handle, end.output);
  } while (!in_time && Clock::now() < limit);
  if (!in_time) {
    TerminateProcess(process.handle, ended_by_us);
    WaitForSingleObject(process.handle, 2000);
    end.how = ChildEnd::How::timed_out;
    return end;
  }
  DWORD code = 0;
  GetExitCodeProcess(process.handle, &code);
  end.code = static_cast<int>(code);
  // Exceptions end a process with their number, all of which begin with C; abort() ends it with 3.
  end.how = code == ended_by_control_c || code == ended_by_us ? ChildEnd::How::stopped
            : code >= 0xC0000000u || code == 3                ? ChildEnd::How::crashed
                                                              : ChildEnd::How::exited;
  return end;
}

}  // namespace fulmar
#endif
