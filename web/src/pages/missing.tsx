import { useTranslation } from 'react-i18next'
import { Link } from '../parts/link.tsx'

/** The same words whether it is not there or not for whoever asks: the server says no more either. */
export function Missing({ what = 'page' }: { what?: 'page' | 'recording' }) {
  const { t } = useTranslation()
  return (
    <section className="empty">
      <title>{`${t(`missing.${what}`)} · Bastide`}</title>
      <h1>{t(`missing.${what}`)}</h1>
      <p>{t(`missing.${what}.lead`)}</p>
      <Link href={what === 'page' ? '/' : '/recordings'}>
        {what === 'page' ? t('missing.home') : t('missing.recordings')}
      </Link>
    </section>
  )
}
