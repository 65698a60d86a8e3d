import '../styles/settings.css'
import '../styles/limits.css'
import { useTranslation } from 'react-i18next'
import { useMe } from '../api/me.ts'
import { OwnSettings } from '../limits/holds.tsx'
import { Appearance } from './settings/appearance.tsx'
import { Factors } from './settings/factors.tsx'
import { Logins } from './settings/logins.tsx'
import { Password } from './settings/password.tsx'
import { SshKeys } from './settings/ssh-keys.tsx'
import { TerminalSection } from './settings/terminal.tsx'
import { Tokens } from './settings/tokens.tsx'

const SECTIONS = [
  'profile',
  'factors',
  'appearance',
  'terminal',
  'sessions',
  'ssh-keys',
  'tokens',
  'logins',
] as const

export function SettingsPage() {
  const { t } = useTranslation()
  return (
    <>
      <title>{`${t('settings.title')} · Bastide`}</title>
      <header className="page-head">
        <h1>{t('settings.title')}</h1>
      </header>
      <div className="settings">
        <nav className="contents" aria-label={t('settings.contents')}>
          {SECTIONS.map((section) => (
            <a key={section} href={`#${section}`}>
              {t(`settings.section.${section}`)}
            </a>
          ))}
        </nav>
        <div>
          <Section id="profile">
            <Profile />
            <Password />
          </Section>
          <Section id="factors">
            <Factors />
          </Section>
          <Section id="appearance">
            <Appearance />
          </Section>
          <Section id="terminal">
            <TerminalSection />
          </Section>
          <Section id="sessions">
            <OwnSettings />
          </Section>
          <Section id="ssh-keys">
            <SshKeys />
          </Section>
          <Section id="tokens">
            <Tokens />
          </Section>
          <Section id="logins">
            <Logins />
          </Section>
        </div>
      </div>
    </>
  )
}

function Section({ id, children }: { id: (typeof SECTIONS)[number]; children: React.ReactNode }) {
  const { t } = useTranslation()
  return (
    <section className="section" id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{t(`settings.section.${id}`)}</h2>
      {children}
    </section>
  )
}

function Profile() {
  const { t } = useTranslation()
  const me = useMe()
  if (!me) return null
  const { user, server } = me
  return (
    <dl className="facts">
      <div>
        <dt>{t('users.column.name')}</dt>
        <dd>{user.display_name ? `${user.display_name} (${user.username})` : user.username}</dd>
      </div>
      <div>
        <dt>{t('users.column.role')}</dt>
        <dd>{t(`users.role.${user.role}`)}</dd>
      </div>
      <div>
        <dt>{t('users.column.account')}</dt>
        <dd>{user.account ? <code>{user.account}</code> : '–'}</dd>
      </div>
      <div>
        <dt>{t('settings.server')}</dt>
        <dd>
          <code>Bastide {server.version}</code>
        </dd>
      </div>
    </dl>
  )
}
