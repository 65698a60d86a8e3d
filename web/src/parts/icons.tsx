import { Icon } from './icon.tsx'

export const TerminalIcon = () => (
  <Icon>
    <rect x="2.5" y="3.5" width="15" height="13" rx="2" />
    <path d="m6 8 2.5 2L6 12m5 .5h3" />
  </Icon>
)

export const ServerIcon = () => (
  <Icon>
    <rect x="2.5" y="3.500" width="15" height="5.500" rx="1.500" />
    <rect x="2.5" y="11" width="15" height="5.500" rx="1.500" />
    <path d="M6 6.250h.01M6 13.750h.01M9.500 6.250h4.500M9.500 13.750h4.500" />
  </Icon>
)

export const LanguageIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="7.5" />
    <path d="M2.5 10h15M10 2.5c2.2 2 3.2 4.6 3.2 7.5s-1 5.5-3.2 7.5C7.8 15.5 6.8 12.9 6.8 10S7.8 4.5 10 2.5" />
  </Icon>
)

export const LogoutIcon = () => (
  <Icon>
    <path d="M8 3.500H4.500a1 1 0 0 0-1 1v11a1 1 0 0 0 1 1H8M12.5 6.5 16 10l-3.5 3.500M16 10H8" />
  </Icon>
)

export const BackIcon = () => (
  <Icon>
    <path d="M12 4.5 6.5 10l5.5 5.5" />
  </Icon>
)

export const RecordingIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="7.5" />
    <circle cx="10" cy="10" r="2.8" fill="currentColor" stroke="none" />
  </Icon>
)

export const UsersIcon = () => (
  <Icon>
    <circle cx="7.5" cy="7" r="3" />
    <path d="M2 16.500c.4-3 2.6-4.5 5.5-4.500s5.1 1.5 5.5 4.500M13 4.300a3 3 0 0 1 0 5.400M15.3 12.600c1.5.7 2.4 2 2.7 3.9" />
  </Icon>
)

export const SettingsIcon = () => (
  <Icon>
    <path d="M3 5.500h6M13 5.500h4M3 14.500h3M10 14.500h7" />
    <circle cx="11" cy="5.5" r="2" />
    <circle cx="8" cy="14.5" r="2" />
  </Icon>
)

export const SearchIcon = () => (
  <Icon>
    <circle cx="9" cy="9" r="5.5" />
    <path d="m13.2 13.2 3.8 3.8" />
  </Icon>
)

export const CopyIcon = () => (
  <Icon>
    <rect x="7" y="7" width="9.5" height="9.5" rx="1.5" />
    <path d="M13 7V5a1.5 1.5 0 0 0-1.5-1.500H5A1.5 1.5 0 0 0 3.5 5v6.500A1.5 1.5 0 0 0 5 13h2" />
  </Icon>
)

export const CheckIcon = () => (
  <Icon>
    <path d="m4 10.5 4 4 8-9" />
  </Icon>
)

export const PlayIcon = () => (
  <Icon>
    <path d="M6 4v12l10-6Z" fill="currentColor" />
  </Icon>
)

export const PauseIcon = () => (
  <Icon>
    <path d="M6.5 4v12M13.5 4v12" strokeWidth="3" />
  </Icon>
)

export const FullScreenIcon = () => (
  <Icon>
    <path d="M3.5 7.500v-4h4M12.5 3.500h4v4M16.5 12.500v4h-4M7.5 16.500h-4v-4" />
  </Icon>
)

export const RulesIcon = () => (
  <Icon>
    <path d="M10 2.5 16.5 5v4.500c0 4-2.700 6.700-6.500 8-3.800-1.300-6.500-4-6.500-8V5Z" />
    <path d="M7 9.750h6" />
  </Icon>
)

export const ReviewIcon = () => (
  <Icon>
    <path d="M3 11.500 5 4h10l2 7.500v4.500H3Z" />
    <path d="M3 11.500h4a3 3 0 0 0 6 0h4" />
  </Icon>
)
