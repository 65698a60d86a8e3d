import type { Resources } from '../api/servers.ts'

export interface Meter {
  kind: 'cpu' | 'memory' | 'disk'
  name: string
  /** 0 to 100. */
  percent: number
  more: string | null
}

const GIB = 1024 ** 3

/** `3.2 / 15.6 GiB`. */
export function ofWords(used: number, total: number): string {
  const words = (bytes: number) => (bytes / GIB).toFixed(bytes >= 100 * GIB ? 0 : 1)
  return `${words(used)} / ${words(total)} GiB`
}

/** Of what could be measured; what could not is in `errors`. */
export function meters({ cpu, memory, disks }: Resources): Meter[] {
  const list: Meter[] = []
  if (cpu !== null) list.push({ kind: 'cpu', name: 'cpu', percent: cpu, more: null })
  if (memory) {
    const { percent, total, available } = memory
    list.push({ kind: 'memory', name: 'memory', percent, more: ofWords(total - available, total) })
  }
  for (const { mount, percent, used, total } of disks) {
    if (total > 0) list.push({ kind: 'disk', name: mount, percent, more: ofWords(used, total) })
  }
  return list
}
