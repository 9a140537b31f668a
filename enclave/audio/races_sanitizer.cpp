// Chosen by CMake for sanitizer builds only. The sound libraries are not instrumented: what their own locks order looks
// like a race to thread sanitizer.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race:libpulse\nrace:libasound\nrace:libportaudio\n"; }
