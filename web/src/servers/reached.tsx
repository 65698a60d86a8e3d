import { useTranslation } from 'react-i18next'
import type { CheckResult } from '../api/servers.ts'

const WAYS = ['tcp', 'ssh', 'icmp'] as const

/** What of a server answered, and why not. */
export function Reached({ check }: { check: CheckResult }) {
  const { t } = useTranslation()
  const ways = WAYS.filter((way) => check.reachable?.[way] === true || check.reachable?.[way] === false)
  return (
    <>
      <strong>{t(check.status === 'online' ? 'servers.check.online' : 'servers.check.offline')}</strong>{' '}
      {ways.map((way) => (
        <span key={way} className="way">
          {way.toUpperCase()} {t(check.reachable[way] ? 'servers.check.yes' : 'servers.check.no')}
        </span>
      ))}
      {check.why && <p>{check.why}</p>}
    </>
  )
}
