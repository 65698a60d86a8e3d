import '../styles/servers.css'
import '../styles/limits.css'
import { useTranslation } from 'react-i18next'
import { SettingsForm } from '../limits/form.tsx'
import { Sections } from '../servers/sections.tsx'

/** What holds for everybody's sessions. */
export function LimitsPage() {
  const { t } = useTranslation()
  return (
    <>
      <title>{`${t('nav.limits')} · Bastide`}</title>
      <header className="page-head">
        <h1>{t('nav.limits')}</h1>
        <Sections current="limits" />
      </header>
      <div className="limits-page">
        <p className="soft">{t('limits.lead')}</p>
        <SettingsForm scope="global" />
      </div>
    </>
  )
}
