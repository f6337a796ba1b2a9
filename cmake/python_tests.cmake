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

# fulmar_script_test(name COMMAND words...): adds the arguments every such test takes.
function(fulmar_script_test name)
  cmake_parse_arguments(arg "" "LABEL;FIXTURE" "COMMAND" ${ARGN})
  add_test(NAME ${name} COMMAND ${arg_COMMAND} --fulmar $<TARGET_FILE:fulmar> --source-dir ${PROJECT_SOURCE_DIR}
                                --work-dir ${PROJECT_BINARY_DIR}/e2e/${name})
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 1200 LABELS ${arg_LABEL}
                       ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
  if(arg_FIXTURE)
    set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED ${arg_FIXTURE})
  endif()
endfunction()

# The openai packages as their makers publish them, each in a folder of its own under the build folder.
set(clients ${PROJECT_SOURCE_DIR}/tests/openai_clients.py)
set(venv_python ${PROJECT_BINARY_DIR}/venv/bin/python)
if(WIN32)
  set(venv_python ${PROJECT_BINARY_DIR}/venv/Scripts/python.exe)
endif()
add_test(NAME clients.pypi COMMAND ${FULMAR_PYTHON} ${clients} pypi ${PROJECT_BINARY_DIR}/venv)
set_tests_properties(clients.pypi PROPERTIES FIXTURES_SETUP pypi SKIP_RETURN_CODE 77 TIMEOUT 600)
if(FULMAR_NODE AND FULMAR_NPM)
  add_test(NAME clients.npm COMMAND ${FULMAR_PYTHON} ${clients} npm ${PROJECT_BINARY_DIR}/npm ${FULMAR_NPM})
  set_tests_properties(clients.npm PROPERTIES FIXTURES_SETUP npm SKIP_RETURN_CODE 77 TIMEOUT 600)
endif()

# Every tests/e2e/test_*.py.
file(GLOB scripts CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/e2e/test_*.py)
foreach(script ${scripts})
  get_filename_component(name ${script} NAME_WE)
  string(REGEX REPLACE "^test_" "e2e." name ${name})
  fulmar_script_test(${name} LABEL e2e COMMAND ${FULMAR_PYTHON} ${script})
endforeach()

# Every tests/server/*_test.py runs in the environment with the Python package.
file(GLOB scripts CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/server/*_test.py)
foreach(script ${scripts})
  get_filename_component(name ${script} NAME_WE)
  fulmar_script_test(server.${name} LABEL e2e FIXTURE pypi COMMAND ${venv_python} ${script})
endforeach()

# Every tests/server/*_test.mjs is copied beside node_modules, where `import OpenAI from 'openai'` finds it.
if(FULMAR_NODE AND FULMAR_NPM)
  file(GLOB scripts CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/server/*_test.mjs)
  foreach(script ${scripts})
    get_filename_component(name ${script} NAME_WE)
    configure_file(${script} ${PROJECT_BINARY_DIR}/npm/${name}.mjs COPYONLY)
    fulmar_script_test(server.${name}_node LABEL e2e FIXTURE npm COMMAND ${FULMAR_NODE} ${PROJECT_BINARY_DIR}/npm/${name}.mjs)
  endforeach()
endif()
