// What disk_faults.cpp can do to this process's files.
#pragma once

enum DiskFault {
  disk_in_order,
  disk_full,         // writing behind a file's end: ENOSPC, but for as much as was removed meanwhile
  disk_unwritable,   // any writing: EIO
  disk_cannot_sync,  // fsync, fdatasync: EIO
};
extern "C" void set_disk_fault(int fault);
// Syncs that were asked for so far.
extern "C" unsigned long long disk_syncs();
