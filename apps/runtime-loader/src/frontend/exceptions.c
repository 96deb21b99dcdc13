#include "exceptions.h"

#include "backend.h"
#include "descriptors.h"
#include "memory.h"
#include "report.h"
#include "resident.h"
#include "stubs.h"
#include "task.h"

enum { EXTERNAL = 1, FROM_TABLE = 2 };   /* bits of an error code that names a gate */
enum { GATE_TASK = 5, GATE_INTERRUPT = 14, GATE_TRAP = 15 };
enum source { SOURCE_FAULT, SOURCE_SOFTWARE, SOURCE_DEVICE };

struct exception {
  uint32_t vector, error;
};
static struct exception raised;

bool exception_raise(uint32_t vector, uint32_t error) {
  raised = (struct exception){vector, error};
  return false;
}

bool exception_raise_page_fault(void) {
  return exception_raise(VECTOR_PF, last_fault.error);
}

void exception_set_address(uint32_t address) {
  vcpu.cr2 = address;
  resident_publish_control();
}

void exception_deliver_raised(void) {
  if (raised.vector == VECTOR_PF) exception_set_address(last_fault.address);
  exception_deliver(raised.vector, raised.error);
}

static bool has_error_code(uint32_t vector) {
  return vector == VECTOR_DF || (vector >= VECTOR_TS && vector <= VECTOR_PF) || vector == VECTOR_AC;
}

/* The stack that a handler gets: the one in use, or the kernel's from the TSS. */
struct handler_stack {
  uint32_t selector, base, pointer;
};

static bool kernel_stack(struct handler_stack *stack, uint32_t external) {
  uint32_t words[2];   /* ESP0, SS0 */
  uint32_t task = (vcpu.tr.selector & 0xfffc) | external;
  if (vcpu.tr.limit < 11) return exception_raise(VECTOR_TS, task);
  if (!guest_read(vcpu.tr.base + 4, words, sizeof words, 0)) return exception_raise_page_fault();
  uint32_t selector = words[1] & 0xffff, error = (selector & 0xfffc) | external;
  uint64_t descriptor;
  if (!descriptor_read(selector, &descriptor) || (selector & 3) != 0 || descriptor_dpl(descriptor) != 0 || !descriptor_is_writable_data(descriptor))
    return exception_raise(VECTOR_TS, error);
  if (!descriptor_present(descriptor)) return exception_raise(VECTOR_SS, error);
  *stack = (struct handler_stack){selector, descriptor_base(descriptor), words[0]};
  return true;
}

static bool push_frame(struct handler_stack *stack, const uint32_t *frame, uint32_t words, bool user) {
  uint32_t pointer = stack->pointer - words * 4;
  if (!guest_write(stack->base + pointer, frame, words * 4, user ? ACCESS_USER : 0)) return exception_raise_page_fault();
  stack->pointer = pointer;
  return true;
}

/* One attempt; false: another exception was raised on the way. */
static bool deliver(uint32_t vector, uint32_t error, enum source source) {
  uint32_t external = source == SOURCE_SOFTWARE ? 0 : EXTERNAL;
  uint32_t gate_error = vector << 3 | FROM_TABLE | external;
  if (vector * 8 + 7 > vcpu.idtr.limit) return exception_raise(VECTOR_GP, gate_error);
  uint64_t gate;
  if (!guest_read(vcpu.idtr.base + vector * 8, &gate, 8, 0)) return exception_raise_page_fault();
  uint32_t type = (uint32_t)(gate >> 40) & 31;
  if (type != GATE_INTERRUPT && type != GATE_TRAP && type != GATE_TASK) return exception_raise(VECTOR_GP, gate_error);
  if (source == SOURCE_SOFTWARE && descriptor_dpl(gate) < vcpu.cpl) return exception_raise(VECTOR_GP, gate_error);
  if (!descriptor_present(gate)) return exception_raise(VECTOR_NP, gate_error);
  uint32_t selector = (uint32_t)(gate >> 16) & 0xffff;
  if (type == GATE_TASK) return task_switch(selector, source != SOURCE_SOFTWARE && has_error_code(vector), error);

  uint64_t code;
  uint32_t code_error = (selector & 0xfffc) | external;
  if (!descriptor_read(selector, &code)) return exception_raise(VECTOR_GP, code_error);
  if (!descriptor_is_code(code) || descriptor_dpl(code) > vcpu.cpl) return exception_raise(VECTOR_GP, code_error);
  if (!descriptor_present(code)) return exception_raise(VECTOR_NP, code_error);
  uint32_t privilege = descriptor_is_conforming(code) ? vcpu.cpl : descriptor_dpl(code);
  if (privilege != vcpu.cpl && privilege != 0) return exception_raise(VECTOR_GP, code_error);

  bool inwards = privilege != vcpu.cpl;
  struct handler_stack stack = {vcpu.regs.ss, segment_base(vcpu.regs.ss), vcpu.regs.esp};
  if (inwards && !kernel_stack(&stack, external)) return false;
  uint32_t frame[6], words = 0;
  if (source == SOURCE_FAULT && has_error_code(vector)) frame[words++] = error;
  bool translate = source == SOURCE_FAULT && vcpu.cpl == 0;
  frame[words++] = translate ? stub_to_original(vcpu.regs.eip) : vcpu.regs.eip;
  frame[words++] = virtual_selector(vcpu.regs.cs);
  frame[words++] = guest_flags();
  if (inwards) {
    frame[words++] = vcpu.regs.esp;
    frame[words++] = virtual_selector(vcpu.regs.ss);
  }
  if (!push_frame(&stack, frame, words, privilege == 3)) return false;

  vcpu.cpl = privilege;
  vcpu.regs.cs = selector | 3;
  vcpu.regs.eip = ((uint32_t)gate & 0xffff) | ((uint32_t)(gate >> 32) & 0xffff0000);
  vcpu.regs.ss = stack.selector | 3;
  vcpu.regs.esp = stack.pointer;
  vcpu.regs.eflags &= ~(uint32_t)(FLAG_TF | FLAG_NT | FLAG_RF);
  if (type == GATE_INTERRUPT) set_interrupts(false);
  return true;
}

static bool contributory(uint32_t vector) {
  return vector == VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP);
}

/* SDM Vol. 3A, table 6-5. */
static bool makes_double_fault(uint32_t first, uint32_t second) {
  if (contributory(first)) return contributory(second);
  return first == VECTOR_PF && (contributory(second) || second == VECTOR_PF);
}

static void deliver_until_done(uint32_t vector, uint32_t error, enum source source) {
  while (!deliver(vector, error, source)) {
    bool benign = source != SOURCE_FAULT;
    source = SOURCE_FAULT;
    if (raised.vector == VECTOR_PF) exception_set_address(last_fault.address);
    if (!benign && vector == VECTOR_DF) {
      report_guest("triple fault");
      backend_shutdown(SHUTDOWN_RESET);
    }
    if (!benign && makes_double_fault(vector, raised.vector)) {
      vector = VECTOR_DF;
      error = 0;
    } else {
      vector = raised.vector;
      error = raised.error;
    }
  }
}

void exception_deliver(uint32_t vector, uint32_t error) {
  deliver_until_done(vector, error, SOURCE_FAULT);
}

void software_interrupt_deliver(uint32_t vector, uint32_t start) {
  if (deliver(vector, 0, SOURCE_SOFTWARE)) return;
  vcpu.regs.eip = start;
  exception_deliver_raised();
}

void interrupt_deliver(uint32_t vector) {
  deliver_until_done(vector, 0, SOURCE_DEVICE);
}
