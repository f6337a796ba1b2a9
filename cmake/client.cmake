# libfulmar_client, the library for applications: nothing but its own sources, two of src/base and the C++ runtime, and no name
# exported but those of client_c.h. Neither it nor what tests it is built with the program:
#   cmake --build build --target fulmar_client && cmake --install build --component client --prefix FOLDER
file(GLOB client_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/client/*.cpp)
list(APPEND client_sources ${PROJECT_SOURCE_DIR}/src/base/json_text.cpp ${PROJECT_SOURCE_DIR}/src/base/utf8.cpp)

add_library(fulmar_client_parts STATIC EXCLUDE_FROM_ALL ${client_sources})  # for tests that look inside
target_include_directories(fulmar_client_parts PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(fulmar_client_parts PUBLIC $<IF:$<BOOL:${WIN32}>,FULMAR_CLIENT_STATIC,>)
target_link_libraries(fulmar_client_parts PUBLIC Threads::Threads $<$<BOOL:${WIN32}>:ws2_32>)
fulmar_options(fulmar_client_parts)

add_library(fulmar_client SHARED EXCLUDE_FROM_ALL)
set_target_properties(fulmar_client PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
                      LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}
                      CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
if(WIN32)  # where an object file is for a static or for a shared library
  target_sources(fulmar_client PRIVATE ${client_sources})
  target_compile_definitions(fulmar_client PRIVATE FULMAR_CLIENT_BUILD)
  target_include_directories(fulmar_client PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(fulmar_client PRIVATE ws2_32)
else()
  set_target_properties(fulmar_client_parts PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden
                        VISIBILITY_INLINES_HIDDEN ON)
  target_sources(fulmar_client PRIVATE $<TARGET_OBJECTS:fulmar_client_parts>)
  target_link_libraries(fulmar_client PRIVATE Threads::Threads)
endif()
target_include_directories(fulmar_client INTERFACE ${PROJECT_SOURCE_DIR}/include)
fulmar_options(fulmar_client)
if(UNIX AND NOT APPLE AND NOT FULMAR_SANITIZE)
  # Instances of the standard library's templates would be exported as well; and a thread that looks up a name may
  # still run when a program unloads the library.
  target_link_options(fulmar_client PRIVATE -Wl,--version-script=${PROJECT_SOURCE_DIR}/src/client/exports.map -Wl,-z,nodelete)
  set_target_properties(fulmar_client PROPERTIES LINK_DEPENDS ${PROJECT_SOURCE_DIR}/src/client/exports.map)
endif()

install(TARGETS fulmar_client COMPONENT client EXCLUDE_FROM_ALL)
install(FILES ${PROJECT_SOURCE_DIR}/include/fulmar/client.h ${PROJECT_SOURCE_DIR}/include/fulmar/client_c.h
        DESTINATION include/fulmar COMPONENT client EXCLUDE_FROM_ALL)
