/* The monitor's beginning. */
#include "../../frontend/start.h"
#include "monitor.h"

_Noreturn void monitor_main(const struct guest_start *start);

_Noreturn void monitor_main(const struct guest_start *start) {
  paging_start();
  processor_start();
  guest_run(start, host_start());
}
