// As much of Unreal's core as the plugin of examples/unreal uses, so that it is compiled and run without the engine.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using int32 = std::int32_t;
using uint64 = std::uint64_t;
using TCHAR = char16_t;
#define TEXT(literal) u##literal
#define FULMARCLIENT_API

// What the engine's header tool reads, and a compiler does not.
#define UCLASS(...)
#define USTRUCT(...)
#define UPROPERTY(...)
#define UFUNCTION(...)
#define GENERATED_BODY()

class FString {
 public:
  FString() = default;
  FString(const TCHAR* text) : text_(text) {}  // NOLINT: as the engine's
  const TCHAR* operator*() const { return text_.c_str(); }
  void AppendChars(const TCHAR* text, int32 count) { text_.append(text, static_cast<size_t>(count)); }
  bool operator==(const FString&) const = default;

 private:
  std::u16string text_;
};

class FTCHARToUTF8 {
 public:
  explicit FTCHARToUTF8(const TCHAR* text);
  const char* Get() const { return bytes_.c_str(); }
  int32 Length() const { return static_cast<int32>(bytes_.size()); }

 private:
  std::string bytes_;
};

class FUTF8ToTCHAR {
 public:
  FUTF8ToTCHAR(const char* text, int32 bytes);
  const TCHAR* Get() const { return text_.c_str(); }
  int32 Length() const { return static_cast<int32>(text_.size()); }

 private:
  std::u16string text_;
};

template <typename First, typename Second>
class TMap {
 public:
  struct Pair {
    First Key;
    Second Value;
  };
  void Add(const First& key, const Second& value) { pairs_.push_back({key, value}); }
  auto begin() const { return pairs_.begin(); }
  auto end() const { return pairs_.end(); }

 private:
  std::vector<Pair> pairs_;
};

template <typename Element>
class TArray {
 public:
  void AddUnique(const Element& element) {
    Remove(element);
    elements_.push_back(element);
  }
  void Remove(const Element& element) { std::erase(elements_, element); }
  size_t Num() const { return elements_.size(); }

 private:
  std::vector<Element> elements_;
};

template <typename Object>
class TObjectPtr {
 public:
  TObjectPtr(Object* object = nullptr) : object_(object) {}  // NOLINT
  Object* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  bool operator==(const TObjectPtr&) const = default;

 private:
  Object* object_;
};

template <typename Shared>
struct TSharedPtr : std::shared_ptr<Shared> {
  TSharedPtr(std::shared_ptr<Shared> shared = nullptr) : std::shared_ptr<Shared>(std::move(shared)) {}  // NOLINT
  void Reset() { this->reset(); }
};
template <typename Shared, typename... Arguments>
TSharedPtr<Shared> MakeShared(Arguments&&... arguments) {
  return TSharedPtr<Shared>(std::make_shared<Shared>(std::forward<Arguments>(arguments)...));
}

#define DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(Delegate, Type, Name)              \
  class Delegate {                                                                     \
   public:                                                                             \
    void Broadcast(Type value) const {                                                 \
      for (const auto& listener : listeners_) listener(value);                         \
    }                                                                                  \
    void listen(std::function<void(Type)> listener) { listeners_.push_back(listener); } \
                                                                                       \
   private:                                                                            \
    std::vector<std::function<void(Type)>> listeners_;                                 \
  }
