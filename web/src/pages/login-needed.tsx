import { Button } from 'antd'
import { useTranslation } from 'react-i18next'
import { liveStore } from '../api/live.ts'
import { Command } from '../parts/command.tsx'

export function LoginNeeded() {
  const { t } = useTranslation()
  return (
    <main className="centre">
      <section className="card">
        <img src="/icon.svg" width="36" height="36" alt="" />
        <h1>{t('login.title')}</h1>
        <p className="soft">{t('login.lead')}</p>
        <Command text="bastide login-link" />
        <Button onClick={liveStore.retry}>{t('login.retry')}</Button>
      </section>
    </main>
  )
}
