import { Button } from 'antd'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Scope } from '../api/session-settings.ts'
import { Dialog } from '../parts/dialog.tsx'
import { SettingsForm } from './form.tsx'

/** The settings for one server's or one person's sessions. */
export function SettingsDialog({ scope, name, close }: { scope: Scope; name: string; close: () => void }) {
  const { t } = useTranslation()
  // The same scope on each turn: the form asks for it once.
  const [kept] = useState(scope)
  return (
    <Dialog title={t('limits.title', { name })} close={close} side>
      <SettingsForm scope={kept} done={close} beside={<Button onClick={close}>{t('form.cancel')}</Button>} />
    </Dialog>
  )
}
