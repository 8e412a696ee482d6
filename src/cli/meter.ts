import { readFileSync, writeFileSync } from 'node:fs';

/** Starts to measure time and memory; the function that it returns ends the measurement. */
export function startMeter(): () => { milliseconds: number; peakMemory: number } {
  resetPeak();
  const start = performance.now();
  return () => ({ milliseconds: performance.now() - start, peakMemory: peakOf() });
}

/** Linux forgets the peak of the resident memory on request (proc_pid_clear_refs(5)). */
function resetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Elsewhere the peak is that of the process so far, which is no less.
  }
}

function peakOf(): number {
  try {
    const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // No Linux.
  }
  return process.resourceUsage().maxRSS * 1024;
}
