/* Checks the container's header and cuts it into its parts. */
#include "container.h"

#include "../patch/crc32.h"
#include "formats.h"

static struct error part(struct span *part, struct span whole, uint32_t offset, uint32_t size, const char *text) {
  if (!rows_fit(offset, size, 1, whole.size)) return ERROR_AT(PV_NOT_A_KERNEL, offset, text);
  *part = (struct span){whole.bytes + offset, size};
  return NO_ERROR;
}

struct error container_open(struct container *container, struct span module) {
  const struct container_header *header = (const struct container_header *)module.bytes;
  if (module.size < sizeof *header || header->magic != CONTAINER_MAGIC)
    return ERROR(PV_NOT_A_KERNEL, "the multiboot module is not a container");
  if (header->version != FORMAT_VERSION || header->header_size != sizeof *header)
    return ERROR_AT(PV_NOT_A_KERNEL, header->version, "the container has another version");
  if (crc32(0, module.bytes + CONTAINER_CRC_FROM, sizeof *header - CONTAINER_CRC_FROM) != header->header_crc)
    return ERROR(PV_NOT_A_KERNEL, "the container's header does not match its checksum");
  if (header->total_size > module.size || header->total_size < sizeof *header)
    return ERROR_AT(PV_TRUNCATED, header->total_size, "the container is truncated, size");
  if (header->flags & ~(uint32_t)CONTAINER_FLAGS) return ERROR_AT(PV_NOT_A_KERNEL, header->flags, "the container has unknown flags");
  if (header->command_size > COMMAND_LINE_MAX) return ERROR_AT(PV_NOT_A_KERNEL, header->command_size, "the command line is too long, size");
  struct span whole = {module.bytes, header->total_size};
  container->flags = header->flags;
  TRY(part(&container->kernel, whole, header->kernel_offset, header->kernel_size, "the kernel is not inside the container, offset"));
  TRY(part(&container->command, whole, header->command_offset, header->command_size, "the command line is not inside the container, offset"));
  if (header->initrd_offset == 0) {
    container->initrd = (struct span){NULL, 0};
    return NO_ERROR;
  }
  return part(&container->initrd, whole, header->initrd_offset, header->initrd_size, "the initrd is not inside the container, offset");
}
