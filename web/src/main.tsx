import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { showLanguage, startLanguages } from './i18n.ts'
import { followTheme } from './parts/appearance.ts'
import { hideLinkToken } from './router.ts'
import { getSettings, subscribeSettings } from './settings.ts'
import './styles.css'
import './styles/frame.css'
import './styles/parts.css'
import './styles/table.css'

hideLinkToken()
startLanguages(getSettings().language)
subscribeSettings(({ language }) => showLanguage(language))
followTheme()
const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
