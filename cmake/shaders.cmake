# Compiles every kernel of shaders/ to SPIR-V and embeds them all as fulmar_shaders. A kernel that decodes weights has
# one variant per format: a generated wrapper that includes the format's header before the body.
find_program(GLSLANG_VALIDATOR glslangValidator REQUIRED)
set(shader_formatted linear_vec linear_mat)
set(shader_plain norm_shift mix4 mix6 mix7 pick experts)

# Cooperative matrices need a compiler and headers newer than some systems have.
set(FULMAR_COOPERATIVE_MATRIX OFF)
file(WRITE ${PROJECT_BINARY_DIR}/shaders/probe.comp
     "#version 460\n#extension GL_GOOGLE_include_directive : require\n#include \"coop_head.glsl\"\nvoid main() {}\n")
execute_process(COMMAND ${GLSLANG_VALIDATOR} --quiet --target-env vulkan1.3 -I${PROJECT_SOURCE_DIR}/shaders
                        -o ${PROJECT_BINARY_DIR}/shaders/probe.spv ${PROJECT_BINARY_DIR}/shaders/probe.comp
                RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
file(STRINGS ${FULMAR_VULKAN_HEADERS}/vulkan/vulkan_core.h found REGEX "define VK_KHR_cooperative_matrix 1")
if(status EQUAL 0 AND found)
  set(FULMAR_COOPERATIVE_MATRIX ON)
endif()
if(FULMAR_COOPERATIVE_MATRIX)
  message(STATUS "Cooperative matrices: ON")
else()
  message(WARNING "This build gets no kernels for the matrix units of GPUs, so prompts are read 3 to 10 times slower there: "
                  "${GLSLANG_VALIDATOR} or the Vulkan headers in ${FULMAR_VULKAN_HEADERS} are older than cooperative matrices "
                  "(glslang 14 and headers 1.3.255 have them; ./fulmar.sh setup fetches both on Debian 12)")
endif()

file(GLOB shader_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/shaders/*.glsl
     ${PROJECT_SOURCE_DIR}/include/shared/*.h ${PROJECT_SOURCE_DIR}/include/shared/format/*.h)
set(shader_dir ${PROJECT_BINARY_DIR}/shaders)
set(shader_words)
set(shader_includes "")
set(shader_table "")

function(fulmar_shader name includes)
  set(wrapper "#version 460\n#extension GL_GOOGLE_include_directive : require\n")
  foreach(include ${includes})
    string(APPEND wrapper "#include \"${include}\"\n")
  endforeach()
  file(CONFIGURE OUTPUT ${shader_dir}/${name}.comp CONTENT "${wrapper}" @ONLY)
  add_custom_command(OUTPUT ${shader_dir}/${name}.inc
    COMMAND ${GLSLANG_VALIDATOR} --quiet --target-env vulkan1.3 -I${PROJECT_SOURCE_DIR}/shaders
            -I${PROJECT_SOURCE_DIR}/include --vn ${name}_words -o ${shader_dir}/${name}.inc ${shader_dir}/${name}.comp
    DEPENDS ${shader_dir}/${name}.comp ${shader_headers} VERBATIM)
  set(shader_words ${shader_words} ${shader_dir}/${name}.inc PARENT_SCOPE)
  set(shader_includes "${shader_includes}#include \"${name}.inc\"\n" PARENT_SCOPE)
  set(shader_table "${shader_table}    {\"${name}\", ${name}_words},\n" PARENT_SCOPE)
endfunction()

foreach(body ${shader_plain})
  fulmar_shader(${body} "${body}.glsl")
endforeach()
foreach(body ${shader_formatted})
  foreach(format ${FULMAR_FORMAT_NAMES})
    fulmar_shader(${body}_${format} "common.glsl;shared/format/${format}.h;${body}.glsl")
  endforeach()
endforeach()
if(FULMAR_COOPERATIVE_MATRIX)
  foreach(format ${FULMAR_FORMAT_NAMES})
    if(NOT format STREQUAL f32)  # weights in f32 ask for f32 arithmetic
      fulmar_shader(linear_coop_${format} "coop_head.glsl;common.glsl;shared/format/${format}.h;linear_coop.glsl")
    endif()
  endforeach()
endif()

file(CONFIGURE OUTPUT ${shader_dir}/fulmar_shaders.h CONTENT "// Every compiled kernel, by name.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace fulmar::shaders {
struct Shader {
  std::string_view name;
  std::span<const uint32_t> words;
};
std::span<const Shader> all();
}  // namespace fulmar::shaders
" @ONLY)
file(CONFIGURE OUTPUT ${shader_dir}/fulmar_shaders.cpp CONTENT "// Generated: the kernels' SPIR-V.
#include \"fulmar_shaders.h\"

namespace fulmar::shaders {
namespace {
${shader_includes}const Shader table[] = {
${shader_table}};
}  // namespace
std::span<const Shader> all() { return table; }
}  // namespace fulmar::shaders
" @ONLY)
add_library(fulmar_shaders STATIC ${shader_dir}/fulmar_shaders.cpp ${shader_words})
target_include_directories(fulmar_shaders PUBLIC ${shader_dir})
fulmar_options(fulmar_shaders)
if(FULMAR_COOPERATIVE_MATRIX)
  target_compile_definitions(fulmar_shaders INTERFACE FULMAR_COOPERATIVE_MATRIX=1)
endif()
