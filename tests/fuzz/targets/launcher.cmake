sealcall_fuzz(launcher_text_fuzz SOURCES tests/fuzz/launcher_text_fuzz.cpp LIBS sealcall::launcher)
