# A quant format is one header: the folder is globbed, and the list of formats is generated from it.
file(GLOB format_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/shared/format/*.h)
set(FULMAR_FORMAT_NAMES)
set(list "// Generated from include/shared/format.\n#pragma once\n#define FULMAR_FORMATS(X)")
set(bodies "// Generated from include/shared/format.\n")
foreach(header ${format_headers})
  get_filename_component(name ${header} NAME_WE)
  list(APPEND FULMAR_FORMAT_NAMES ${name})
  string(APPEND list " X(${name})")
  # `ggml` is the header's own, or the enclosing namespace's null.
  string(APPEND bodies "namespace ${name} {\n#include \"shared/format/${name}.h\"\ninline constexpr const GgmlLayout* ggml_layout = ggml;\n}\n")
endforeach()
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/fulmar_formats.h CONTENT "${list}\n" @ONLY)
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/fulmar_format_bodies.h CONTENT "${bodies}" @ONLY)
