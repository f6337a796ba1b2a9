// open_weights(): looks at the first bytes and picks the container's reader.
#include "weights/containers.h"

namespace fulmar {

SourcePtr open_weights(const std::filesystem::path& path) {
  const FileErrors errors{to_utf8(path)};
  auto file = std::make_shared<const MappedFile>(path);
  file->advise_sequential();
  const std::span<const std::byte> bytes = file->bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());

  if (text.starts_with("PK\3\4")) return open_pth(errors, std::move(file));
  if (text.starts_with("GGUF"))
    errors.unsupported("GGUF files are not supported yet: convert to safetensors, or take the original .pth");
  if (text.starts_with("fmgg"))
    errors.unsupported(
        "ggmf .bin files are not supported yet: convert to safetensors, or take the original .pth");
  if (text.size() > 2 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5)
    errors.unsupported(
        "torch.save's old format (before PyTorch 1.6) is not supported yet: convert to the new one with "
        "torch.save(torch.load(old), new)");
  if (text.starts_with("version https://git-lfs"))
    errors.bad("is a Git LFS pointer and not the model itself: run `git lfs pull`");
  if (text.size() > 8 && text[8] == '{') return open_safetensors(errors, std::move(file));
  errors.bad("is neither a safetensors nor a .pth file (by its first bytes)");
}

}  // namespace fulmar
