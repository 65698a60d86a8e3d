import { useTranslation } from 'react-i18next'
import { LANGUAGES } from '../../i18n.ts'
import { Choice } from '../../parts/field.tsx'
import { changeSettings, useSettings } from '../../settings.ts'

export function Appearance() {
  const { t } = useTranslation()
  const { theme, language } = useSettings()
  return (
    <div className="form pair">
      <Choice
        label={t('settings.theme')}
        options={{
          system: t('settings.theme.system'),
          light: t('settings.theme.light'),
          dark: t('settings.theme.dark'),
        }}
        value={theme}
        choose={(value) => changeSettings({ theme: value })}
      />
      <Choice
        label={t('nav.language')}
        options={LANGUAGES}
        value={language}
        choose={(value) => changeSettings({ language: value })}
      />
    </div>
  )
}
