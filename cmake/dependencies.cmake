# Everything comes from the system's packages; `./fulmar.sh setup` installs them.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(hwy REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(SQLite3 3.35 REQUIRED)
find_path(FULMAR_UTF8PROC_HEADERS utf8proc.h)
find_library(FULMAR_UTF8PROC utf8proc)
if(NOT FULMAR_UTF8PROC_HEADERS OR NOT FULMAR_UTF8PROC)
  message(FATAL_ERROR "utf8proc is missing: run ./fulmar.sh setup, or install its development package")
endif()

# Where the system's are too old, setup unpacks newer ones beside the build: a glslang and Vulkan headers that know
# cooperative matrices. Both are optional.
set(toolchain ${PROJECT_SOURCE_DIR}/build/toolchain)
find_program(FULMAR_GLSLANG glslangValidator HINTS ${toolchain}/glslang)
find_path(FULMAR_VULKAN_HEADERS vulkan/vulkan_core.h HINTS ${toolchain}/vulkan-headers)
if(FULMAR_VULKAN AND (NOT FULMAR_GLSLANG OR NOT FULMAR_VULKAN_HEADERS))
  message(FATAL_ERROR "glslangValidator or the Vulkan headers are missing: run ./fulmar.sh setup, or set FULMAR_VULKAN=OFF")
endif()
