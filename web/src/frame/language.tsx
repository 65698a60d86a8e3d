import { useTranslation } from 'react-i18next'
import { LANGUAGES, type Language } from '../i18n.ts'
import { changeSettings, useSettings } from '../settings.ts'

/** For pages before the login, which have no settings beside them. */
export function LanguageChoice() {
  const { t } = useTranslation()
  const { language } = useSettings()
  return (
    <select
      className="language"
      aria-label={t('nav.language')}
      value={language}
      onChange={(event) => changeSettings({ language: event.target.value as Language })}
    >
      {Object.entries(LANGUAGES).map(([one, name]) => (
        <option key={one} value={one} lang={one}>
          {name}
        </option>
      ))}
    </select>
  )
}
