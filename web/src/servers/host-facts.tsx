import { useTranslation } from 'react-i18next'
import type { HostFacts as Facts } from '../api/servers.ts'

/** What a machine says of itself, in one line; what it does not say is not there. */
export function HostFacts({ facts }: { facts: Facts }) {
  const { t } = useTranslation()
  const { release, system, kernel, machine, cores, load, uptime_seconds: up } = facts
  const words = [
    release ?? system,
    [kernel, machine].filter(Boolean).join(' '),
    cores !== null && t('server.facts.cores', { count: cores }),
    load !== null && t('server.facts.load', { load: load.toFixed(2) }),
    up !== null && t('server.facts.up', { time: upWords(up) }),
  ].filter(Boolean)
  if (words.length === 0) return null
  return <p className="host-facts soft">{words.join(' · ')}</p>
}

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** The two largest parts: `41 d 3 h`, `3 h 12 min`, `7 min`. */
export function upWords(seconds: number): string {
  if (seconds >= DAY) return `${Math.floor(seconds / DAY)} d ${Math.floor((seconds % DAY) / HOUR)} h`
  if (seconds >= HOUR) return `${Math.floor(seconds / HOUR)} h ${Math.floor((seconds % HOUR) / MINUTE)} min`
  return `${Math.floor(seconds / MINUTE)} min`
}
