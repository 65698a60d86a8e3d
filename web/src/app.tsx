import { ConfigProvider, theme } from 'antd'
import enUS from 'antd/locale/en_US'
import zhCN from 'antd/locale/zh_CN'
import { lazy, type ReactNode, Suspense, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { logOut } from './api/client.ts'
import { liveStore, useLive } from './api/live.ts'
import { currentLanguage, LANGUAGES, type Language } from './i18n.ts'
import { HomePage } from './pages/home.tsx'
import { LoginNeeded } from './pages/login-needed.tsx'
import { Missing } from './pages/missing.tsx'
import { useDark } from './parts/appearance.ts'
import { LanguageIcon, LogoutIcon, TerminalIcon } from './parts/icons.tsx'
import { Link } from './parts/link.tsx'
import { type Place, usePlace } from './router.ts'
import { changeSettings } from './settings.ts'

// The terminal and its emulator are more than all the rest, and not needed for the list.
const TerminalPage = lazy(() =>
  import('./pages/terminal.tsx').then((module) => ({ default: module.TerminalPage })),
)

export function App() {
  const { t, i18n } = useTranslation()
  const dark = useDark()
  const place = usePlace()
  const { state } = useLive()
  return (
    <ConfigProvider
      locale={i18n.language === 'zh-CN' ? zhCN : enUS}
      theme={{
        algorithm: dark ? theme.darkAlgorithm : theme.defaultAlgorithm,
        token: {
          colorPrimary: dark ? '#1f8f85' : '#0f766e',
          ...(dark ? { colorBgBase: '#12161a', colorBgElevated: '#191f24', colorTextBase: '#e3e7ea' } : {}),
          borderRadius: 6,
          fontFamily: 'var(--sans)',
          fontSize: 14,
        },
      }}
    >
      {state === 'login' ? (
        <LoginNeeded />
      ) : place.page === 'terminal' ? (
        <Suspense fallback={<p className="centre soft">{t('terminal.loading')}</p>}>
          <TerminalPage uid={place.uid} watch={place.watch} />
        </Suspense>
      ) : (
        <Frame>
          <Page place={place} />
        </Frame>
      )}
    </ConfigProvider>
  )
}

function Page({ place }: { place: Place }) {
  return place.page === 'home' ? <HomePage /> : <Missing />
}

function Frame({ children }: { children: ReactNode }) {
  const { t } = useTranslation()
  return (
    <div className="frame">
      <nav className="rail" aria-label={t('nav.main')}>
        <Link href="/" className="rail-item brand" aria-label="Bastide">
          <img src="/icon.svg" width="26" height="26" alt="" />
        </Link>
        <Link href="/" className="rail-item" aria-current="page" title={t('nav.terminals')}>
          <TerminalIcon />
          <span>{t('nav.terminals')}</span>
        </Link>
        <span className="rail-gap" />
        <LanguageChoice />
        <LogoutButton />
      </nav>
      <main className="content">{children}</main>
    </div>
  )
}

function LanguageChoice() {
  const { t } = useTranslation()
  return (
    <label className="rail-item" title={t('nav.language')}>
      <LanguageIcon />
      <select
        aria-label={t('nav.language')}
        value={currentLanguage()}
        onChange={(event) => changeSettings({ language: event.target.value as Language })}
      >
        {Object.entries(LANGUAGES).map(([language, name]) => (
          <option key={language} value={language}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}

function LogoutButton() {
  const { t } = useTranslation()
  const [leaving, setLeaving] = useState(false)
  const leave = async () => {
    setLeaving(true)
    try {
      await logOut()
      liveStore.loggedOut()
    } finally {
      setLeaving(false)
    }
  }
  return (
    <button
      type="button"
      className="rail-item"
      title={t('nav.logout')}
      disabled={leaving}
      onClick={() => void leave()}
    >
      <LogoutIcon />
      <span>{t('nav.logout')}</span>
    </button>
  )
}
