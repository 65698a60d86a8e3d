import { useTranslation } from 'react-i18next'
import { Link } from '../parts/link.tsx'

const ELSEWHERE = {
  page: { href: '/', words: 'missing.home' },
  recording: { href: '/recordings', words: 'missing.recordings' },
  server: { href: '/servers', words: 'missing.servers' },
} as const

/** The same words whether it is not there or not for whoever asks: the server says no more either. */
export function Missing({ what = 'page' }: { what?: 'page' | 'recording' | 'server' }) {
  const { t } = useTranslation()
  return (
    <section className="empty">
      <title>{`${t(`missing.${what}`)} · Bastide`}</title>
      <h1>{t(`missing.${what}`)}</h1>
      <p>{t(`missing.${what}.lead`)}</p>
      <Link href={ELSEWHERE[what].href}>{t(ELSEWHERE[what].words)}</Link>
    </section>
  )
}
