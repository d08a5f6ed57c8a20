import Auth
