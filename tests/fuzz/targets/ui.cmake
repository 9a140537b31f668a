sealcall_fuzz(control_socket_fuzz SOURCES tests/fuzz/control_socket_fuzz.cpp LIBS sealcall_ui)
sealcall_fuzz(screen_text_fuzz SOURCES tests/fuzz/screen_text_fuzz.cpp LIBS sealcall_ui)
