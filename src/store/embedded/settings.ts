/** How the private engine is set, and why. */

/** For one server on one machine that also does other things; a test or benchmark may set others. */
const defaults: Readonly<Record<string, string>> = {
  shared_buffers: '128MB',
  max_connections: '40',
  max_wal_size: '2GB',
  // The packaged engine knows pglz only, which costs several times the change itself: 10,000 entries of a list of a
  // million take 4.9 s instead of 0.7 after a checkpoint, for a quarter less of the log.
  wal_compression: 'off',
  // The queries are short, and the packaged engine has no compiler in it.
  jit: 'off',
  // Tables of millions of rows would else wait for hundreds of thousands of changes.
  autovacuum_vacuum_scale_factor: '0.05',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
}

/** What the supervisor depends on. */
export function fixed(sockets: string, port: number): Readonly<Record<string, string>> {
  return {
    listen_addresses: '',
    port: String(port),
    // A list, with quotes around what has a comma or a quote in it.
    unix_socket_directories: `"${sockets.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    // Shared memory of POSIX is removed at logout (systemd's RemoveIPC) and small in containers.
    shared_memory_type: 'mmap',
    dynamic_shared_memory_type: 'mmap',
    huge_pages: 'off',
    logging_collector: 'off',
    log_destination: 'stderr',
    log_line_prefix: '',
    log_min_messages: 'warning',
    lc_messages: 'C',
    // A statement may hold what is no business of a log; who sent it is told the error.
    log_min_error_statement: 'panic',
    log_timezone: 'UTC',
    timezone: 'UTC',
    cluster_name: 'feed-server',
  }
}

/** As arguments: the supervisor's own first, so that a complaint about the others already comes in its form. */
export function asArguments(
  chosen: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
): string[] {
  const all = { ...own, ...defaults, ...chosen, ...own }
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}
