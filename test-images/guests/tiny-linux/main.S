/*
 * The tiny kernel's life: set up, check everything that a patched instruction could get wrong, go to user mode once,
 * say so, halt. Every check prints one line, the same on every machine.
 */
#include "kernel.h"

FUNCTION start_kernel, .init.text
        call    setup_console
        STRING  %eax, "tiny: started\n"
        call    print
        call    setup_descriptors
        call    setup_interrupts
        call    check_entry
        call    check_command_line
        call    check_memory_map
        call    check_initrd
        call    check_flags
        call    check_registers
        call    check_interrupt_flag
        call    check_nesting
        call    check_ports
        call    check_string_output
        call    check_cpuid
        call    check_time_stamp
        call    check_msrs
        call    check_control_registers
        call    check_debug_registers
        call    check_segments
        call    check_descriptor_tables
        call    check_translations
        call    check_windows
        call    check_exceptions
        call    check_modules
        call    check_timer_idle
        call    check_timer_masked
        call    run_user
        call    summary
        STRING  %eax, "tiny: userland reached\n"
        call    print
        STRING  %eax, "previrt-guest: done\n"
        call    print
        call    halt_forever
END_FUNCTION start_kernel

FUNCTION halt_forever
1:      cli
        hlt
        jmp     1b
END_FUNCTION halt_forever
        .section .note.GNU-stack, "", @progbits
