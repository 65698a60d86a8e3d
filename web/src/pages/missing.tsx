import { useTranslation } from 'react-i18next'
import { Link } from '../parts/link.tsx'

export function Missing() {
  const { t } = useTranslation()
  return (
    <section className="empty">
      <h1>{t('missing.title')}</h1>
      <p>{t('missing.lead')}</p>
      <Link href="/">{t('missing.home')}</Link>
    </section>
  )
}
