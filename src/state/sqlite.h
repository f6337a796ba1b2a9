// SQLite as the store uses it: one connection, statements prepared once, errors as sentences.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fulmar/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace fulmar {

// The disk had no room left.
struct DiskFull : Error {
  using Error::Error;
};

class Database {
 public:
  // A file, which is made where there is none, or ":memory:". Throws Error.
  explicit Database(const std::string& file);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  // One or several statements without results. `what` says in an error's sentence what could not be done.
  void run(const char* sql, const char* what);
  int64_t number(const char* sql, const char* what);  // the first column of the first row; 0 where there is none
  bool read_only() const;
  bool in_transaction() const;
  // Whether the file that is open no longer lies under its name.
  bool moved() const;

  // The log beside the file (SQLite's WAL) has every change since it was last emptied, as whole pages. Emptying brings
  // these to their places in the file, and lets the next change be written where the log begins. Nobody does it but who
  // asks; it throws what the disk refuses, and nothing is lost then.
  uint64_t log_pages() const { return log_pages_; }
  uint64_t log_bytes() const;  // of the log's file, which keeps its size
  void empty_log();
  // Throws where no row of that number is there. Appends to the `used` bytes, and makes `bytes` longer only.
  void read_blob(const char* table, const char* column, int64_t row, std::vector<std::byte>& bytes, size_t& used);

  const std::string& file() const { return file_; }
  std::string path() const;  // of it, absolute and with links followed: what lies beside it lies there. Empty in memory
  sqlite3* handle() const { return handle_; }
  // The sentence for the last error, by its code.
  [[noreturn]] void raise(int code, const char* what) const;

 private:
  std::string file_;
  sqlite3* handle_ = nullptr;
  uint64_t log_pages_ = 0;
  bool has_log_ = false;  // something was committed to it
};

// Undone unless it is committed. Throws Error(unavailable) where the file was moved or removed: what is written to it then
// would be found by nobody.
class Transaction {
 public:
  explicit Transaction(Database& database);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

using Blob = std::span<const std::byte>;

// A prepared statement. Asking it binds the values in order, from ?1 on, and gives the rows one after the other.
class Statement {
 public:
  Statement(Database& database, const char* sql, const char* what);
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  // What is read of a row is valid until the next one, or until this dies, which lets go of the statement.
  class Rows {
   public:
    explicit Rows(Statement& statement) : statement_(statement) {}
    Rows(const Rows&) = delete;
    Rows& operator=(const Rows&) = delete;
    ~Rows();
    bool next();
    int64_t number(int column) const;
    std::string text(int column) const;
    Blob blob(int column) const;
    bool null(int column) const;

   private:
    Statement& statement_;
  };

  // Texts and blobs must live as long as the rows.
  template <typename... Values>
  Rows ask(const Values&... values) {
    int place = 0;
    (bind(++place, values), ...);
    return Rows(*this);
  }
  // For statements that answer nothing.
  template <typename... Values>
  void run(const Values&... values) {
    ask(values...).next();
  }

 private:
  void bind(int place, int64_t value);
  void bind(int place, std::string_view value);
  void bind(int place, Blob value);
  void check(int code) const;

  Database& database_;
  const char* what_;
  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace fulmar
