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
  if (typeof cpu?.percent === 'number') {
    list.push({ kind: 'cpu', name: 'cpu', percent: cpu.percent, more: cpu.load?.join(' ') ?? null })
  }
  if (memory?.total) {
    const used = memory.used ?? memory.total - (memory.available ?? 0)
    list.push({
      kind: 'memory',
      name: 'memory',
      percent: (100 * used) / memory.total,
      more: ofWords(used, memory.total),
    })
  }
  for (const disk of disks ?? []) {
    if (!disk.total) continue
    list.push({
      kind: 'disk',
      name: disk.mount,
      percent: (100 * disk.used) / disk.total,
      more: ofWords(disk.used, disk.total),
    })
  }
  return list
}
