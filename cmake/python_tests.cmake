# Tests written in Python and JavaScript. They drive the built program from outside; exit code 77 means skipped.

# An interpreter with numpy: what comes first on PATH may not be the system's own, which has it.
foreach(candidate python3 /usr/bin/python3)
  execute_process(COMMAND ${candidate} -c "import sys, numpy; print(sys.executable)"
                  OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE status ERROR_QUIET)
  if(status EQUAL 0)
    set(FULMAR_PYTHON ${found} CACHE FILEPATH "Python with numpy, for the tests")
    break()
  endif()
endforeach()
if(NOT FULMAR_PYTHON)
  message(STATUS "No Python with numpy found: tests written in Python and JavaScript are left out")
  return()
endif()
find_program(FULMAR_NODE node)
find_program(FULMAR_NPM npm)

# fulmar_script_test(name SCRIPT file [CLIENT words...] [FIXTURE name]): every such test takes the program, the tree and
# a folder for its files; a client and what it needs come behind "--".
function(fulmar_script_test name)
  cmake_parse_arguments(arg "" "SCRIPT;FIXTURE" "CLIENT" ${ARGN})
  if(arg_CLIENT)
    list(PREPEND arg_CLIENT --)
  endif()
  add_test(NAME ${name} COMMAND ${FULMAR_PYTHON} ${arg_SCRIPT} --fulmar $<TARGET_FILE:fulmar>
                                --source-dir ${PROJECT_SOURCE_DIR} --work-dir ${PROJECT_BINARY_DIR}/e2e/${name} ${arg_CLIENT})
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 1200 LABELS e2e
                       ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1;OPENAI_PACKAGE=${PROJECT_BINARY_DIR}/npm;FULMAR_FAULT_LAYER=${PROJECT_BINARY_DIR}/tests/faults;FULMAR_SANITIZE=${FULMAR_SANITIZE}")
  if(arg_FIXTURE)
    set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED ${arg_FIXTURE})
  endif()
endfunction()

# The openai packages as their makers publish them, each in a folder of its own under the build folder.
set(clients ${PROJECT_SOURCE_DIR}/tests/openai_clients.py)
set(python_in_venv bin/python)
if(WIN32)
  set(python_in_venv Scripts/python.exe)
endif()
set(venv_python ${PROJECT_BINARY_DIR}/venv/${python_in_venv})
add_test(NAME clients.pypi COMMAND ${FULMAR_PYTHON} ${clients} pypi ${PROJECT_BINARY_DIR}/venv openai)
set_tests_properties(clients.pypi PROPERTIES FIXTURES_SETUP pypi SKIP_RETURN_CODE 77 TIMEOUT 600)
add_test(NAME packages.gguf COMMAND ${FULMAR_PYTHON} ${clients} pypi ${PROJECT_BINARY_DIR}/venv-gguf gguf)
set_tests_properties(packages.gguf PROPERTIES FIXTURES_SETUP gguf SKIP_RETURN_CODE 77 TIMEOUT 600)
add_test(NAME packages.openapi COMMAND ${FULMAR_PYTHON} ${clients} pypi ${PROJECT_BINARY_DIR}/venv-openapi schemathesis openapi_spec_validator jsonschema)
set_tests_properties(packages.openapi PROPERTIES FIXTURES_SETUP openapi SKIP_RETURN_CODE 77 TIMEOUT 600)
if(FULMAR_NODE AND FULMAR_NPM)
  add_test(NAME clients.npm COMMAND ${FULMAR_PYTHON} ${clients} npm ${PROJECT_BINARY_DIR}/npm ${FULMAR_NPM})
  set_tests_properties(clients.npm PROPERTIES FIXTURES_SETUP npm SKIP_RETURN_CODE 77 TIMEOUT 600)
endif()

# Every tests/e2e/test_*.py and tests/demo/test_*.py.
file(GLOB scripts CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/e2e/test_*.py ${PROJECT_SOURCE_DIR}/tests/demo/test_*.py)
foreach(script ${scripts})
  get_filename_component(name ${script} NAME_WE)
  string(REGEX REPLACE "^test_" "e2e." name ${name})
  fulmar_script_test(${name} SCRIPT ${script})
endforeach()

# The published clients against a running server.
set(with_server ${PROJECT_SOURCE_DIR}/tests/with_server.py)
fulmar_script_test(e2e.openai_python SCRIPT ${with_server} FIXTURE pypi
                   CLIENT ${venv_python} ${venv_python} ${PROJECT_SOURCE_DIR}/tests/server/openai_client_test.py)
fulmar_script_test(e2e.openai_tools_python SCRIPT ${with_server} FIXTURE pypi
                   CLIENT ${venv_python} ${venv_python} ${PROJECT_SOURCE_DIR}/tests/server/openai_tools_test.py)
fulmar_script_test(e2e.openai_responses SCRIPT ${PROJECT_SOURCE_DIR}/tests/e2e/responses_suite.py FIXTURE pypi CLIENT ${venv_python})
if(FULMAR_NODE AND FULMAR_NPM)
  fulmar_script_test(e2e.openai_tools_node SCRIPT ${with_server} FIXTURE npm
                     CLIENT ${PROJECT_BINARY_DIR}/npm/node_modules/openai
                            ${FULMAR_NODE} ${PROJECT_SOURCE_DIR}/tests/server/openai_tools_test.mjs)
  fulmar_script_test(e2e.openai_node SCRIPT ${with_server} FIXTURE npm
                     CLIENT ${PROJECT_BINARY_DIR}/npm/node_modules/openai
                            ${FULMAR_NODE} ${PROJECT_SOURCE_DIR}/tests/server/openai_client_test.mjs)
endif()

# Whether /openapi.json holds what it says.
fulmar_script_test(e2e.openapi SCRIPT ${PROJECT_SOURCE_DIR}/tests/e2e/openapi_suite.py FIXTURE openapi
                   CLIENT ${PROJECT_BINARY_DIR}/venv-openapi/${python_in_venv})

# Those of other APIs, against the model that comes with the program.
foreach(client anthropic ollama)
  set(venv ${PROJECT_BINARY_DIR}/venv-${client})
  add_test(NAME clients.${client} COMMAND ${FULMAR_PYTHON} ${clients} pypi ${venv} ${client})
  set_tests_properties(clients.${client} PROPERTIES FIXTURES_SETUP ${client} SKIP_RETURN_CODE 77 TIMEOUT 600)
  fulmar_script_test(e2e.${client}_python SCRIPT ${with_server} FIXTURE ${client}
                     CLIENT ${venv}/${python_in_venv} demo ${venv}/${python_in_venv} ${PROJECT_SOURCE_DIR}/tests/server/${client}_client_test.py)
endforeach()

# JSON Schema's grammars beside the validator of PyPI; with JSON_SCHEMA_TEST_SUITE, over that suite.
add_test(NAME packages.jsonschema COMMAND ${FULMAR_PYTHON} ${clients} pypi ${PROJECT_BINARY_DIR}/venv-jsonschema
                                              jsonschema fqdn isoduration rfc3339_validator)  # the latter three for formats
set_tests_properties(packages.jsonschema PROPERTIES FIXTURES_SETUP jsonschema SKIP_RETURN_CODE 77 TIMEOUT 600)
add_test(NAME text.json_schemas COMMAND ${FULMAR_PYTHON} ${PROJECT_SOURCE_DIR}/tests/schemas/test_json_schemas.py $<TARGET_FILE:schema_driver>
                                        --python ${PROJECT_BINARY_DIR}/venv-jsonschema/${python_in_venv})
set_tests_properties(text.json_schemas PROPERTIES FIXTURES_REQUIRED jsonschema SKIP_RETURN_CODE 77 TIMEOUT 1200 LABELS text
                     ENVIRONMENT FULMAR_DATA=${PROJECT_SOURCE_DIR}/models)  # the vocabulary

# llama.cpp's own writer of GGUF files.
fulmar_script_test(e2e.gguf_package SCRIPT ${PROJECT_SOURCE_DIR}/tests/e2e/gguf_package.py FIXTURE gguf
                   CLIENT ${PROJECT_BINARY_DIR}/venv-gguf/${python_in_venv})

# Vulkan drivers beside the one that the other tests use. Sanitizers have nothing to add here, and are slow.
if(FULMAR_SANITIZE)
  set_tests_properties(e2e.logits_swiftshader PROPERTIES DISABLED ON)
endif()
set(drivers ${PROJECT_SOURCE_DIR}/build/toolchain)
set(on_swiftshader Vulkan* *NormKeeps*/vulkan *Peeks*/vulkan *Epilogues*/vulkan *Independent*/vulkan *Mix*/vulkan
    *Pick*/vulkan *EqualScores*/vulkan *WhatIsNoNumber*/vulkan)
if(FULMAR_VULKAN AND NOT FULMAR_SANITIZE)
  # Left out is what compiles hundreds of kernels, for which this driver takes minutes.
  list(JOIN on_swiftshader ":" filter)
  add_test(NAME ops.swiftshader
           COMMAND ${FULMAR_PYTHON} ${PROJECT_SOURCE_DIR}/tests/with_driver.py ${drivers}/swiftshader_icd.json
                   $<TARGET_FILE:test_ops> --gtest_filter=${filter})
  set_tests_properties(ops.swiftshader PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600 LABELS ops)
  add_test(NAME kernels.statistics
           COMMAND ${FULMAR_PYTHON} ${PROJECT_SOURCE_DIR}/tests/kernels/check_statistics.py
                   $<TARGET_FILE:kernel_statistics> ${drivers}/radv_icd.json)
  set_tests_properties(kernels.statistics PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600 LABELS ops
                       ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
endif()
